//! The book: it has every page, and no link in it is dead.

use lessons::page::Page;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("crates/lessons is in the workspace")
        .into()
}

/// Files below a folder whose names end so, but for what is built or hidden.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let path = entry.expect("so can its entries").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_ours = !name.starts_with('.')
                    && !["target", "corpus", "artifacts", "node_modules"].contains(&&*name);
                folders.extend(is_ours.then_some(path));
            } else if name.ends_with(ending) {
                files.push(path);
            }
        }
    }
    files
}

#[test]
fn the_summary_has_every_page_once() {
    let summary = Page::read(&root().join("SUMMARY.md")).expect("a summary");
    let listed: Vec<_> = summary.links.iter().map(|(_, link)| root().join(link)).collect();
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), distinct.len(), "a page stands twice in SUMMARY.md");
    let not_a_page =
        |path: &PathBuf| path.starts_with(root().join(".github")) || path.ends_with("SUMMARY.md");
    let pages: BTreeSet<_> =
        files(&root(), ".md").into_iter().filter(|path| !not_a_page(path)).collect();
    let missing: Vec<_> = pages.difference(&distinct).collect();
    assert!(missing.is_empty(), "SUMMARY.md, the order of the book, lacks {missing:?}");
    assert_eq!(distinct, pages, "SUMMARY.md names a page that is not there");
}

/// What stands between `before` and the next quotation mark.
fn quoted<'a>(html: &'a str, before: &str) -> Vec<&'a str> {
    let parts = html.split(before).skip(1);
    parts.filter_map(|rest| rest.split_once('"').map(|(value, _)| value)).collect()
}

/// The links of a book's pages that lead nowhere.
fn dead_links(book: &Path) -> (usize, Vec<String>) {
    // what is in a folder of sources is a template: its links are those of the server that fills it in
    let is_page = |path: &PathBuf| !path.iter().any(|folder| folder == "src");
    let pages: BTreeMap<PathBuf, String> = files(book, ".html")
        .into_iter()
        .filter(is_page)
        .map(|path| (path.clone(), fs::read_to_string(path).expect("a page is text")))
        .collect();
    let anchors: BTreeMap<_, BTreeSet<_>> = pages
        .iter()
        .map(|(path, html)| (path.clone(), quoted(html, " id=\"").into_iter().collect()))
        .collect();
    let (mut count, mut dead) = (0, Vec::new());
    for (path, html) in &pages {
        let folder = path.parent().expect("a page is in a folder");
        for link in [quoted(html, " href=\""), quoted(html, " src=\"")].concat() {
            // the last is no link: it stands for what it contains
            if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
                continue;
            }
            count += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { Ok(path.clone()) } else { folder.join(file).canonicalize() };
            let has_anchor = |target: &PathBuf| {
                anchor.is_empty() || anchors.get(target).is_some_and(|ids| ids.contains(anchor))
            };
            if !target.as_ref().is_ok_and(has_anchor) {
                dead.push(format!("{}: {link}", path.display()));
            }
        }
    }
    (count, dead)
}

#[test]
fn no_link_in_the_book_is_dead() {
    if probe::tools::find("mdbook").is_none() {
        println!("not tried: mdbook is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("it is there").join("book");
    let built = Command::new(root().join(".ci/book")).arg(&folder).output().expect("it runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let book = folder.join("html");
    let (count, dead) = dead_links(&book);
    assert!(count > 500, "links of a book: {count}");
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    for made in ["index.html", "print.html", "stage2-async/README.html", "stage2-async/src/main.rs"]
    {
        assert!(book.join(made).exists(), "{made}");
    }
    let page = fs::read_to_string(book.join("stage2-async/README.html")).expect("a page");
    for part in ["<details>", "rel=\"next", "rel=\"prev", "mdbook-searchbar"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_dead_link_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = folder.path().canonicalize().expect("it is there");
    let page =
        "<h2 id=\"here\"></h2><a href=\"#here\"></a><a href=\"b.html\"></a><a href=\"#there\"></a>";
    fs::write(book.join("a.html"), page).expect("a page");
    let (count, dead) = dead_links(&book);
    assert_eq!((count, dead.len()), (3, 2), "{dead:?}");
}
