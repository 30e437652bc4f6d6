//! The charts of the page in block characters, for a terminal.

use crate::compare::captions;
use crate::compare::chart::{Axis, Bar, BarKind, Chart, Panel};
use crate::compare::matrix::{Column, Matrix, Row};
use crate::compare::table::{CELL_WIDTH, CLAIM_WIDTH, Screen, wrap};
use console::Style;
use probe::duration::show;
use std::time::Duration;

/// The height of a panel in lines.
const HEIGHT: usize = 5;

/// The panels of each claim side by side, on one scale, in colour if stdout supports it.
pub fn render(matrix: &Matrix, screen: Screen) -> String {
    let mut text = String::new();
    let reading =
        "Latency: one bar for each request; the higher the bar, the longer its client waited.";
    for line in wrap(reading, screen.width) {
        text += &(line + "\n");
    }
    matrix.rows.iter().for_each(|row| draw_claim(&mut text, &matrix.columns, row, screen));
    text
}

/// The width of the left margin and of a panel. On a wide terminal they are those of the table
/// above.
fn widths(columns: usize, screen: Screen) -> (usize, usize) {
    if screen.is_wide(columns) {
        return (CLAIM_WIDTH + 1, CELL_WIDTH + 1);
    }
    let left = 8;
    (left, (screen.width.saturating_sub(left) / columns.max(1)).saturating_sub(2).max(4))
}

fn draw_claim(text: &mut String, columns: &[Column], row: &Row, screen: Screen) {
    let chart = Chart::new(&row.findings, columns);
    let (left, width) = widths(columns.len(), screen);
    text.push('\n');
    for line in wrap(row.claim.sentence, screen.width) {
        *text += &format!("{}\n", Style::new().bold().apply_to(line));
    }
    let drawn: Vec<_> =
        chart.panels.iter().map(|panel| draw(panel, &chart, width, screen.ascii)).collect();
    for line in 0..HEIGHT {
        let scale = match line {
            0 => show(chart.axis.end),
            line if line + 1 == HEIGHT => "0".into(),
            _ => String::new(),
        };
        add_line(
            text,
            screen,
            &scale,
            left,
            drawn.iter().map(|rows| rows.get(line).cloned().unwrap_or_default()),
        );
    }
    // colour may be missing, so the kinds are named as well
    let count = |panel: &Panel, kind: BarKind| {
        let text = format!("{} {}", panel.count(kind), captions::label(panel, kind));
        match text.split_once(" (") {
            Some((without_status, _)) if text.chars().count() > width => without_status.to_owned(),
            _ => text,
        }
    };
    let counts = |panel: &Panel| {
        let kinds = BarKind::ALL.into_iter().filter(|kind| panel.count(*kind) > 0);
        kinds.map(|kind| count(panel, kind)).collect::<Vec<_>>()
    };
    let name = |column: &Column| match column.stage {
        _ if screen.is_wide(columns.len()) => column.label(),
        Some(number) if width < "stage 1".len() => number.to_string(),
        _ => column.title(),
    };
    let names = columns.iter().map(|column| vec![name(column)]);
    let under: Vec<Vec<_>> =
        names.zip(&chart.panels).map(|(name, panel)| [name, counts(panel)].concat()).collect();
    for line in 0..under.iter().map(Vec::len).max().unwrap_or_default() {
        let cell = |lines: &Vec<String>| {
            let words: String =
                lines.get(line).map_or("", String::as_str).chars().take(width).collect();
            format!("{words:width$}")
        };
        add_line(text, screen, "", left, under.iter().map(cell));
    }
    for (panel, column) in chart.panels.iter().zip(columns) {
        let theory = captions::theory(panel).map(|theory| format!("{}: {theory}", column.title()));
        for line in theory.iter().flat_map(|theory| wrap(theory, screen.width)) {
            *text += &(screen.transliterate(line) + "\n");
        }
    }
}

fn add_line(
    text: &mut String,
    screen: Screen,
    scale: &str,
    left: usize,
    cells: impl Iterator<Item = String>,
) {
    let width = left - 1;
    *text += &screen.transliterate(format!("{scale:>width$} "));
    for cell in cells {
        *text += if screen.ascii { "| " } else { "│ " };
        *text += &cell;
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

/// The lines of a panel from top to bottom, each `width` characters wide.
fn draw(panel: &Panel, chart: &Chart, width: usize, ascii: bool) -> Vec<String> {
    let columns: Vec<_> = spread(&panel.bars, chart.slots, width);
    let line = |line: usize| {
        let mut text = String::new();
        for run in columns.chunk_by(|one, next| one.map(|bar| bar.kind) == next.map(|bar| bar.kind))
        {
            let signs: String = run
                .iter()
                .map(|bar| bar.map_or(' ', |bar| sign(bar, HEIGHT - 1 - line, &chart.axis, ascii)))
                .collect();
            let kind =
                run.iter().flatten().map(|bar| bar.kind).next().filter(|_| signs.trim() != "");
            text += &kind.map_or(signs.clone(), |kind| style(kind).apply_to(signs).to_string());
        }
        text
    };
    (0..HEIGHT).map(line).collect()
}

/// The bar that each column shows. If there is room, a bar spans several columns; otherwise a
/// column shows the longest of several bars.
fn spread(bars: &[Bar], slots: usize, width: usize) -> Vec<Option<&Bar>> {
    let slots = slots.max(1);
    let each = (width / slots).min(3);
    let column = |column: usize| match each {
        0 => {
            let (from, to) = (column * slots / width, (column + 1) * slots / width);
            bars.get(from..to.min(bars.len()))?.iter().max_by_key(|bar| bar.finished() - bar.began)
        }
        // three columns per bar: two for the bar and a gap
        3 if column % 3 == 2 => None,
        each => bars.get(column / each),
    };
    (0..width).map(column).collect()
}

/// The character that a bar shows in a line, counted from the bottom: how far the bar reaches into
/// it, and of which kind it is.
fn sign(bar: &Bar, line: usize, axis: &Axis, ascii: bool) -> char {
    let eighths = |wait: Duration| (axis.position(wait) * (HEIGHT * 8) as f64).round() as usize;
    let reaches = |eighths: usize| eighths.saturating_sub(line * 8).min(8);
    let answered = reaches(eighths(bar.waited()).max(1)); // a bar that is too short for the scale stays visible
    let after = reaches(eighths(bar.finished() - bar.began));
    let blocks = if ascii { " ____===##".as_bytes() } else { &[] };
    match (bar.kind, answered, after) {
        (_, 0, 0) => ' ',
        (_, 0, _) => {
            if ascii {
                ':'
            } else {
                '░'
            }
        }
        (BarKind::TimedOut, ..) => {
            if ascii {
                '?'
            } else {
                '▒'
            }
        }
        (BarKind::Held, ..) => {
            if ascii {
                '.'
            } else {
                '·'
            }
        }
        (_, eighths, _) if ascii => blocks.get(eighths).copied().map_or('#', char::from),
        (_, eighths, _) => {
            ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'].get(eighths - 1).copied().unwrap_or('█')
        }
    }
}

fn style(kind: BarKind) -> Style {
    match kind {
        BarKind::Served => Style::new().blue(),
        BarKind::Accepted => Style::new().green(),
        BarKind::Shed => Style::new().yellow(),
        BarKind::Rejected => Style::new().magenta(),
        BarKind::TimedOut => Style::new().bold(),
        BarKind::Failed => Style::new().red(),
        BarKind::Held => Style::new().dim(),
    }
}
