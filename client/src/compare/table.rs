//! The comparison as a table: a row for each claim, a column for each stage, a verdict and its
//! figure in each cell.

use crate::compare::matrix::{Column, Matrix, Row};
use claims::{Claim, Finding, Verdict};
use console::Style;
use probe::duration::unbroken;
use textwrap::{Options, WordSplitter};

/// The terminal that the text is for.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// The width of a line in characters.
    pub width: usize,
    /// Whether to use only ASCII, for terminals whose font lacks the other characters.
    pub ascii: bool,
}

/// The width of the first column and of the others, in characters.
pub(crate) const CLAIM_WIDTH: usize = 27;
pub(crate) const CELL_WIDTH: usize = 17;

impl Screen {
    /// Whether so many columns fit side by side.
    pub(crate) fn is_wide(&self, columns: usize) -> bool {
        self.width >= CLAIM_WIDTH + 1 + columns * (CELL_WIDTH + 3)
    }

    /// Replaces the characters that the terminal cannot show.
    pub(crate) fn transliterate(&self, text: String) -> String {
        if !self.ascii {
            return text;
        }
        let plain = |sign| match sign {
            '│' => '|',
            '─' => '-',
            '┼' | '✓' => '+',
            '✗' | '×' => 'x',
            '÷' => '/',
            'µ' => 'u',
            sign if sign.is_ascii() => sign,
            _ => '?',
        };
        text.chars().map(plain).collect()
    }
}

/// The table and a line on how to read it, in colour if stdout supports it. If the columns do not
/// fit side by side, they are listed below each claim.
pub fn render(matrix: &Matrix, screen: Screen) -> String {
    let mut text = String::new();
    if screen.is_wide(matrix.columns.len()) {
        render_wide(&mut text, matrix);
    } else {
        matrix.rows.iter().for_each(|row| render_narrow(&mut text, matrix, row, screen.width));
    }
    let reading = if matrix.is_as_expected() {
        "✓ holds. ✗ fails as expected: this is the lesson, and a later stage fixes it."
    } else {
        "! differs from the lesson: either the lesson is wrong or this machine is too busy; try again when it is idle."
    };
    for line in wrap(reading, screen.width) {
        text += &(line + "\n");
    }
    screen.transliterate(text)
}

fn render_wide(text: &mut String, matrix: &Matrix) {
    let head = |column: &Column| {
        let mut text = wrap(&column.title(), CELL_WIDTH);
        text.extend(column.stage.map(|_| column.name.clone()));
        Cell { text, style: Style::new().bold() }
    };
    let heads: Vec<_> = matrix.columns.iter().map(head).collect();
    row(text, "claim", &heads);
    rule(text, heads.len());
    for found in &matrix.rows {
        let cell = |(finding, column)| Cell::new(found.claim, column, finding);
        let cells: Vec<_> = found.findings.iter().zip(&matrix.columns).map(cell).collect();
        row(text, found.claim.sentence, &cells);
        rule(text, cells.len());
    }
}

/// The widths of a stage's name and of its verdict where the stages are listed below the claim, in
/// characters.
const NAME_WIDTH: usize = 16;
const VERDICT_WIDTH: usize = 15;

fn render_narrow(text: &mut String, matrix: &Matrix, row: &Row, width: usize) {
    for line in wrap(row.claim.sentence, width) {
        *text += &format!("{}\n", Style::new().bold().apply_to(line));
    }
    for (finding, column) in row.findings.iter().zip(&matrix.columns) {
        let (verdict, style) = verdict(row.claim, column, finding);
        let indent = NAME_WIDTH + VERDICT_WIDTH;
        let figure = wrap(&finding.figure, width.saturating_sub(indent).max(CELL_WIDTH))
            .join(&format!("\n{:indent$}", ""));
        let (name, verdict) =
            (format!(" {} ", column.label()), format!("{verdict:VERDICT_WIDTH$}"));
        *text += &format!("{name:NAME_WIDTH$}{}{figure}\n", style.apply_to(verdict));
    }
    text.push('\n');
}

/// A cell: its lines and their colour. The verdict is in the text as well, since colour may be
/// missing.
struct Cell {
    text: Vec<String>,
    style: Style,
}

impl Cell {
    fn new(claim: &Claim, column: &Column, finding: &Finding) -> Self {
        let (verdict, style) = verdict(claim, column, finding);
        let mut text = vec![verdict.to_owned()];
        text.extend(wrap(&finding.figure, CELL_WIDTH));
        Self { text, style }
    }
}

fn verdict(claim: &Claim, column: &Column, finding: &Finding) -> (&'static str, Style) {
    let expected = column.expected(claim);
    match (finding.verdict, expected.is_none_or(|expected| finding.verdict == expected)) {
        (Verdict::Kept, true) => ("✓ holds", Style::new().green()),
        (Verdict::Broken, true) if expected.is_none() => ("✗ fails", Style::new().yellow().bold()),
        (Verdict::Broken, true) => ("✗ as expected:", Style::new().yellow().bold()),
        (Verdict::Unknown, _) => ("? unknown", Style::new().red().bold()),
        (Verdict::Kept, false) => ("! holds", Style::new().red().bold()),
        (Verdict::Broken, false) => ("! fails", Style::new().red().bold()),
    }
}

fn row(text: &mut String, claim: &str, cells: &[Cell]) {
    let claim = wrap(claim, CLAIM_WIDTH);
    let height = cells.iter().map(|cell| cell.text.len()).chain([claim.len()]).max().unwrap_or(0);
    for line in 0..height {
        *text += &pad(claim.get(line), CLAIM_WIDTH);
        for cell in cells {
            *text += "│ ";
            *text += &cell.style.apply_to(pad(cell.text.get(line), CELL_WIDTH)).to_string();
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
}

fn rule(text: &mut String, columns: usize) {
    *text += &"─".repeat(CLAIM_WIDTH + 1);
    for _ in 0..columns {
        *text += "┼";
        *text += &"─".repeat(CELL_WIDTH + 2);
    }
    text.truncate(text.len() - "─".len());
    text.push('\n');
}

fn pad(line: Option<&String>, width: usize) -> String {
    let line = line.map_or("", String::as_str);
    format!("{line:<width$} ", width = width)
}

/// Wraps at `width` characters. Longer words are not split, and a number stays on the line of its
/// unit.
pub(crate) fn wrap(words: &str, width: usize) -> Vec<String> {
    let options = Options::new(width).break_words(false).word_splitter(WordSplitter::NoHyphenation);
    let words = unbroken(words);
    let lines = textwrap::wrap(&words, options);
    lines.iter().map(|line| line.replace('\u{a0}', " ")).collect()
}
