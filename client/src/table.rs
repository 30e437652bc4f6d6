//! The comparison as a table: claims down, stages across, each cell a verdict with its figure.

use crate::claims::{CLAIMS, Claim, Finding, Verdict};
use crate::compare::{Matrix, STAGES};
use console::Style;

/// How wide the first column is, and how wide the others are, in characters.
const CLAIM: usize = 27;
const CELL: usize = 17;

/// The table, and a line on how to read it; in colour where stdout takes it.
pub fn table(matrix: &Matrix) -> String {
    let mut text = String::new();
    let heads = STAGES.map(|stage| {
        let (number, idea) = stage.split_once('-').unwrap_or((stage, ""));
        Cell { text: vec![number.replace("stage", "stage "), idea.replace('-', " ")], style: Style::new().bold() }
    });
    row(&mut text, "claim", &heads);
    rule(&mut text);
    for (claim, findings) in CLAIMS.iter().zip(&matrix.findings) {
        let cells: Vec<_> = findings.iter().zip(1..).map(|(finding, stage)| Cell::new(claim, stage, finding)).collect();
        row(&mut text, claim.sentence, &cells);
        rule(&mut text);
    }
    text += if matrix.is_as_expected() {
        "✓ holds. ✗ breaks, as the lessons say it must; a later stage mends it.\n"
    } else {
        "! is not what the lessons say: the lesson is wrong, or this machine is too busy; try again when it is idle.\n"
    };
    text
}

/// A cell: its verdict in words, its figure, and a colour that is not the only sign.
struct Cell {
    text: Vec<String>,
    style: Style,
}

impl Cell {
    fn new(claim: &Claim, stage: u8, finding: &Finding) -> Self {
        let (verdict, style) = match (finding.verdict, finding.verdict == claim.expected(stage)) {
            (Verdict::Kept, true) => ("✓ holds", Style::new().green()),
            (Verdict::Broken, true) => ("✗ the lesson:", Style::new().yellow().bold()),
            (Verdict::Kept, false) => ("! holds", Style::new().red().bold()),
            (Verdict::Broken, false) => ("! breaks", Style::new().red().bold()),
        };
        let mut text = vec![verdict.to_owned()];
        text.extend(wrap(&finding.figure, CELL));
        Self { text, style }
    }
}

fn row(text: &mut String, claim: &str, cells: &[Cell]) {
    let claim = wrap(claim, CLAIM);
    let height = cells.iter().map(|cell| cell.text.len()).chain([claim.len()]).max().unwrap_or(0);
    for line in 0..height {
        *text += &pad(claim.get(line), CLAIM);
        for cell in cells {
            *text += "│ ";
            *text += &cell.style.apply_to(pad(cell.text.get(line), CELL)).to_string();
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
}

fn rule(text: &mut String) {
    *text += &"─".repeat(CLAIM + 1);
    for _ in STAGES {
        *text += "┼";
        *text += &"─".repeat(CELL + 2);
    }
    text.truncate(text.len() - "─".len());
    text.push('\n');
}

fn pad(line: Option<&String>, width: usize) -> String {
    let line = line.map_or("", String::as_str);
    format!("{line:<width$} ", width = width)
}

/// The words in lines of at most `width` characters; longer words are not cut, and a number keeps its unit.
fn wrap(words: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = words.split(' ').peekable();
    while let Some(word) = words.next() {
        let mut word = word.to_owned();
        while let Some(unit) = words.next_if(|next| ["µs", "ms", "s", "s,"].contains(next)) {
            word = word + " " + unit;
        }
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                *line += &(" ".to_owned() + &word)
            }
            _ => lines.push(word),
        }
    }
    lines
}
