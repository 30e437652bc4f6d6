//! The chart in block characters.

use super::{caption, scale};
use crate::compare::table::{Screen, wrap};
use crate::recorded::Recorded;
use console::Style;

/// The height of a run in lines.
const HEIGHT: usize = 4;

/// The runs one below the other, in colour if stdout supports it.
pub fn render(runs: &[Recorded], screen: Screen) -> String {
    let (most, longest) = scale(runs);
    let left = most.to_string().len().max(2) + 2;
    let room = screen.width.saturating_sub(left + 3).max(10);
    // a column for several seconds if there are too many, or several columns for one
    let each = longest.div_ceil(room);
    let wide = (room / longest).clamp(1, 3);
    let mut text = String::new();
    let shade = if screen.ascii { ':' } else { '░' };
    let of = if each > 1 { format!(", the mean of {each} in each column") } else { String::new() };
    let reading = format!("Served each second{of}; {shade} the server was stopped");
    wrap(&reading, screen.width).into_iter().for_each(|line| text += &(line + "\n"));
    for run in runs {
        text += &format!("\n{}\n", Style::new().bold().apply_to(&run.name));
        for line in (0..HEIGHT).rev() {
            let label = match line {
                line if line + 1 == HEIGHT => most.to_string(),
                0 => "0".into(),
                _ => String::new(),
            };
            let edge = if screen.ascii { '|' } else { '│' };
            let mut drawn = String::new();
            for (place, seconds) in run.seconds.chunks(each).enumerate() {
                let served = seconds.iter().map(|second| second.served).sum::<u64>() as f64;
                let part = served / seconds.len() as f64 / most as f64;
                let stopped =
                    (place * each..place * each + seconds.len()).any(|place| run.is_stopped(place));
                let sign = sign(part, line, screen.ascii);
                let sign = if sign == ' ' && stopped { shade } else { sign };
                drawn.extend(std::iter::repeat_n(sign, wide));
            }
            let drawn = Style::new().green().apply_to(drawn.trim_end());
            text += format!("{label:>width$} {edge}{drawn}", width = left - 2).trim_end();
            text.push('\n');
        }
        let axis: String = (0..longest.div_ceil(each))
            .step_by(5)
            .map(|place| format!("{:<width$}", place * each, width = 5 * wide))
            .collect();
        text += &format!("{:left$}{} s\n", "", axis.trim_end());
        wrap(&caption(run), screen.width).into_iter().for_each(|line| text += &(line + "\n"));
    }
    text
}

/// What a part of the scale shows in a line, counted from the bottom.
fn sign(part: f64, line: usize, ascii: bool) -> char {
    let eighths = (part * (HEIGHT * 8) as f64).round() as usize;
    match eighths.saturating_sub(line * 8).min(8) {
        0 => ' ',
        1..4 if ascii => '_',
        4..7 if ascii => '=',
        _ if ascii => '#',
        eighths => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][eighths - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use super::*;

    #[test]
    fn a_run_has_a_column_for_each_second_and_the_pause_is_shaded() {
        let runs = [run("before", &[10, 5, 0, 0, 10], Some((2.0, 4.0)))];
        let text = render(&runs, Screen { width: 20, ascii: true });
        let lines: Vec<_> = text.lines().collect();
        let at = lines.iter().position(|line| *line == "before").expect("its name");
        assert_eq!(lines[at + 1], "10 |##  ::::##");
        assert_eq!(lines[at + 4], " 0 |####::::##");
        assert_eq!(lines[at + 5], "    0 s");
    }

    #[test]
    fn a_run_of_a_day_and_an_empty_one_fit() {
        let day = vec![3; 86_400];
        let runs = [run("day", &day, None), run("none", &[], None)];
        let text = render(&runs, Screen { width: 80, ascii: false });
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
