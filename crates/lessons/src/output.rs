//! Whether a command printed what a lesson shows: the same lines in the same order, whatever the
//! numbers.
//!
//! A number matches any number, a duration any duration, a bar any bar; but the status of a
//! response is compared as it is. `…` matches anything, in a line or in place of lines.

/// Checks what came against what is shown.
///
/// # Errors
/// The first line that is shown and did not come, with its number from 0.
pub fn matches(shown: &str, came: &str) -> Result<(), (usize, String)> {
    let is_text = |line: &(usize, String)| !line.1.is_empty();
    let shapes =
        |text: &str| text.lines().map(shape).enumerate().filter(is_text).collect::<Vec<_>>();
    let (shown_lines, came) = (shapes(shown), shapes(came));
    let mut furthest = 0;
    if lines_match(&shown_lines, &came, 0, &mut furthest) {
        return Ok(());
    }
    Err(match shown_lines.get(furthest) {
        Some((at, _)) => (*at, shown.lines().nth(*at).unwrap_or_default().into()),
        None => (shown.lines().count(), "the end".into()),
    })
}

fn lines_match(
    shown: &[(usize, String)],
    came: &[(usize, String)],
    at: usize,
    furthest: &mut usize,
) -> bool {
    *furthest = at.max(*furthest);
    match (shown.get(at), came.first()) {
        (None, None) => true,
        (Some((_, line)), _) if line == "…" => {
            lines_match(shown, came, at + 1, furthest)
                || (!came.is_empty() && lines_match(shown, &came[1..], at, furthest))
        }
        (Some((_, line)), Some((_, next))) => {
            line_matches(line, next) && lines_match(shown, &came[1..], at + 1, furthest)
        }
        _ => false,
    }
}

fn line_matches(shown: &str, came: &str) -> bool {
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = came.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// A line without what differs from run to run.
fn shape(line: &str) -> String {
    let chars = line.chars().filter(|char| *char != '■').collect::<Vec<_>>();
    let mut shape = String::new();
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        if char.is_whitespace() {
            at += 1;
            if !shape.is_empty() && !shape.ends_with(' ') {
                shape.push(' ');
            }
        } else if char.is_ascii_digit() {
            let end = end_of_number(&chars, at);
            let number = chars[at..end].iter().collect::<String>();
            if is_status(&number, &shape, &chars[end..]) {
                shape.push_str(&number);
                at = end;
            } else if let Some(unit) = unit_of_time(&chars[end..]) {
                if let Some(before) = shape.strip_suffix("under ").or(shape.strip_suffix("‹time› "))
                {
                    shape.truncate(before.len());
                }
                shape.push_str("‹time›");
                at = end + unit;
            } else {
                shape.push_str("‹n›");
                at = end;
            }
        } else {
            shape.push(char);
            at += 1;
        }
    }
    shape.truncate(shape.trim_end().len());
    shape
}

fn end_of_number(chars: &[char], start: usize) -> usize {
    let is_digit = |at: usize| chars.get(at).is_some_and(char::is_ascii_digit);
    let mut end = start;
    while is_digit(end) || (matches!(chars.get(end), Some('.' | ',')) && is_digit(end + 1)) {
        end += 1;
    }
    end
}

/// How long the unit is that follows a number, with the space before it.
fn unit_of_time(after: &[char]) -> Option<usize> {
    let space = usize::from(after.first() == Some(&' '));
    let unit = after[space..].iter().take_while(|char| char.is_alphanumeric()).collect::<String>();
    ["ns", "µs", "ms", "s", "m", "min", "h"]
        .contains(&unit.as_str())
        .then(|| space + unit.chars().count())
}

fn is_status(number: &str, before: &str, after: &[char]) -> bool {
    let phrase = matches!(after, [' ', next, ..] if next.is_ascii_uppercase());
    let alone = before.ends_with('(') && after.first() == Some(&')');
    let three = number.len() == 3 && ('1'..='5').contains(&number.chars().next().unwrap_or('0'));
    three && (phrase || alone || before.ends_with("HTTP/‹n› ") || before.ends_with("\"status\":"))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn figures_may_differ_and_words_may_not() {
        let shown = "10 requests in 5.02 s\n\nserved  10  100.0 %  2.51 s\n";
        assert_eq!(matches(shown, "12 requests in 480 ms\nserved 12 100.0 % 1m 20s\n"), Ok(()));
        assert_eq!(matches(shown, "12 requests in under 1 ms\nserved 12 100.0 % 9 s"), Ok(()));
        assert_eq!(
            matches(shown, "12 requests in 5 s\nrefused 12 100 % 9 s"),
            Err((2, "served  10  100.0 %  2.51 s".into()))
        );
        assert_eq!(
            matches(shown, "12 requests in 5\nserved 12 100 % 9 s"),
            Err((0, "10 requests in 5.02 s".into()))
        );
    }

    #[test]
    fn a_status_may_not_differ() {
        for shown in [
            "HTTP/1.1 422 Unprocessable Entity",
            "answered in 3 ms (422)",
            "\"status\":422}",
            "17  422 Foo",
        ] {
            assert_eq!(matches(shown, shown), Ok(()));
            assert_eq!(
                matches(shown, &shown.replace("422", "400")),
                Err((0, shown.into())),
                "{shown}"
            );
        }
    }

    #[test]
    fn nothing_may_be_missing_and_nothing_too_much() {
        assert_eq!(matches("a\nb", "a"), Err((1, "b".into())));
        assert_eq!(matches("a", "a\nb"), Err((1, "the end".into())));
        assert_eq!(matches("a\nb", "b\na"), Err((0, "a".into())));
    }

    #[test]
    fn dots_stand_for_whatever_was_left_out() {
        assert_eq!(matches("a\n…\nz", "a\nb\nc\nz"), Ok(()));
        assert_eq!(matches("a\n…\nz", "a\nz"), Ok(()));
        assert_eq!(matches("a\n…\nz", "a\nb"), Err((2, "z".into())));
        assert_eq!(matches("Date: …", "Date: Sun, 22 Nov"), Ok(()));
        assert_eq!(
            matches("verdict: frozen (… after …)", "verdict: frozen (2 after 3 ms)"),
            Ok(())
        );
        assert_eq!(
            matches("verdict: frozen (…)", "verdict: served (2)"),
            Err((0, "verdict: frozen (…)".into()))
        );
    }
}
