//! A Markdown file: its code blocks, its links and its headings, each with the line where it
//! stands.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A Markdown file.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub path: PathBuf,
    /// Its code blocks, in order.
    pub blocks: Vec<Block>,
    /// Where its links and pictures lead, in order, each with its line.
    pub links: Vec<(usize, String)>,
    /// What a link to one of its headings has after the `#`.
    pub anchors: BTreeSet<String>,
}

/// A code block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Where its first line of code stands, counted from 1.
    pub line: usize,
    /// The first word after the fence: `sh`, `text`, `rust` …, or nothing.
    pub language: String,
    /// The second word: the file that is quoted, or nothing.
    pub file: String,
    /// What stands in it.
    pub text: String,
}

impl Page {
    /// Reads a file.
    ///
    /// # Errors
    /// What the system says about it.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::parse(path, &fs::read_to_string(path)?))
    }

    /// Reads what stands in a file.
    pub fn parse(path: &Path, text: &str) -> Self {
        let mut page = Self {
            path: path.into(),
            blocks: Vec::new(),
            links: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let line_at = |offset: usize| text[..offset].matches('\n').count() + 1;
        let (mut block, mut heading) = (None::<Block>, None::<String>);
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        for (event, at) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let mut words = info.split_whitespace().map(String::from);
                    let [language, file] =
                        [words.next(), words.next()].map(Option::unwrap_or_default);
                    block = Some(Block {
                        line: line_at(at.start) + 1,
                        language,
                        file,
                        text: String::new(),
                    });
                }
                Event::End(TagEnd::CodeBlock) => page.blocks.extend(block.take()),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.add_heading(&heading.take().unwrap_or_default())
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((line_at(at.start), dest_url.into_string()));
                }
                Event::Text(words) | Event::Code(words) => match (&mut block, &mut heading) {
                    (Some(block), _) => block.text.push_str(&words),
                    (None, Some(heading)) => heading.push_str(&words),
                    (None, None) => {}
                },
                _ => {}
            }
        }
        page
    }

    /// As GitHub does: small letters, `-` for a space, no other sign; a second one of a name is
    /// numbered.
    fn add_heading(&mut self, heading: &str) {
        let keep = |char: &char| char.is_alphanumeric() || "-_".contains(*char);
        let name =
            heading.to_lowercase().replace(' ', "-").chars().filter(keep).collect::<String>();
        let mut anchor = name.clone();
        for number in 1.. {
            if self.anchors.insert(anchor) {
                break;
            }
            anchor = format!("{name}-{number}");
        }
    }
}

/// Whether the lines of `part` stand in `whole`, one after another, whatever the white space around
/// each.
pub fn quotes(whole: &str, part: &str) -> bool {
    let [whole, part] =
        [whole, part].map(|text| text.trim().lines().map(str::trim).collect::<Vec<_>>());
    !part.is_empty() && whole.windows(part.len()).any(|lines| lines == part)
}
