//! HTML of others to Markdown, and Markdown to HTML of our own. Nothing of the HTML that was fetched ever reaches a
//! browser: it is reduced to plain elements, turned into Markdown, and that is rendered without raw HTML.

use std::io;

use htmd::HtmlToMarkdown;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Elements that a page may have; the rest costs the parser and us more than anyone reads.
const MOST_ELEMENTS: usize = 20_000;
/// Characters of Markdown that are kept of one page.
const LONGEST_PAGE: usize = 120_000;
/// Elements within each other. The converter walks them by recursion, and quotes within quotes cost it the square of
/// their depth.
const DEEPEST: usize = 64;

/// Why a page cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MarkdownError {
    /// More elements than any page of a manual.
    #[error("the page has more than {MOST_ELEMENTS} elements")]
    TooManyElements,
    /// Elements within elements beyond any page of a manual.
    #[error("the page has more than {DEEPEST} elements within each other")]
    TooDeep,
    /// There is no text in it.
    #[error("the page has no text")]
    Empty,
    /// The converter failed.
    #[error("the page cannot be converted")]
    Convert(#[from] io::Error),
}

/// Elements that are kept, without their attributes (links keep their address).
const KEPT: [&str; 32] = [
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "p",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "pre",
    "code",
    "blockquote",
    "table",
    "thead",
    "tbody",
    "tr",
    "td",
    "th",
    "a",
    "em",
    "strong",
    "b",
    "i",
    "br",
    "hr",
    "tt",
    "kbd",
    "samp",
];
/// Elements of a line; what is no such element ends them, and a paragraph.
const INLINE: [&str; 10] = ["code", "a", "em", "strong", "b", "i", "tt", "kbd", "samp", "br"];
/// Elements that one of the second ends where they are open: authors leave their ends away.
const ENDED_BY: [(&[&str], &[&str]); 4] =
    [(&["li"], &["li"]), (&["dt", "dd"], &["dt", "dd"]), (&["td", "th"], &["td", "th", "tr"]), (&["tr"], &["tr"])];
/// Elements that are left out with all that is in them.
const LEFT_OUT: [&str; 20] = [
    "script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "math", "nav", "header", "footer",
    "aside", "form", "button", "select", "textarea", "title", "audio", "video",
];
/// Elements whose content is no markup.
const RAW: [&str; 5] = ["script", "style", "textarea", "title", "iframe"];

/// The text of an HTML page as Markdown, with addresses made absolute by `base`.
///
/// # Errors
///
/// [`MarkdownError`], for a page that no honest manual has.
pub fn from_html(html: &str, base: &reqwest::Url) -> Result<String, MarkdownError> {
    let reduced = reduce(main_part(html), base)?;
    let converted = HtmlToMarkdown::new().convert(&reduced)?;
    let text: String =
        converted.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).take(LONGEST_PAGE).collect();
    if text.trim().is_empty() { Err(MarkdownError::Empty) } else { Ok(text.trim().to_owned()) }
}

/// What stands within `<main>` or `<article>`, where there is one; else the whole page.
fn main_part(html: &str) -> &str {
    let lower = html.to_ascii_lowercase();
    for name in ["main", "article"] {
        let Some(start) = lower.find(&format!("<{name}")) else { continue };
        let end = lower.rfind(&format!("</{name}")).filter(|end| *end > start).unwrap_or(html.len());
        return html.get(start..end).unwrap_or(html);
    }
    html
}

/// The page with [`KEPT`] elements only, read once from front to back.
fn reduce(html: &str, base: &reqwest::Url) -> Result<String, MarkdownError> {
    let mut out = String::with_capacity(html.len().min(1 << 20));
    // In small letters, at the same places: made once, as a page may have thousands of scripts.
    let lower = html.to_ascii_lowercase();
    let mut rest = html;
    let mut elements = 0_usize;
    let mut open: Vec<&'static str> = Vec::new();
    // The element that is being left out, and how often it is open within itself.
    let mut leaving: Option<(&str, u32)> = None;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        if leaving.is_none() {
            out.push_str(text);
        }
        let Some((name, is_end, attributes, after)) = next_tag(tag) else {
            // No tag: a sign in a text, or a comment or declaration to pass over.
            let (shown, behind) = pass_over(tag);
            if leaving.is_none() {
                out.push_str(shown);
            }
            rest = behind;
            continue;
        };
        rest = after;
        elements += usize::from(!is_end);
        if elements > MOST_ELEMENTS {
            return Err(MarkdownError::TooManyElements);
        }
        let name = name.to_ascii_lowercase();
        if let Some((left, depth)) = &mut leaving {
            if *left == name {
                *depth = if is_end { depth.saturating_sub(1) } else { *depth + 1 };
                if *depth == 0 {
                    leaving = None;
                }
            }
        } else if let Some(left) = LEFT_OUT.iter().find(|left| **left == name) {
            if !is_end && !attributes.ends_with('/') {
                leaving = Some((left, 1));
                if RAW.contains(left) {
                    rest = end_of_raw(rest, lower.get(html.len() - rest.len()..).unwrap_or_default(), left);
                    leaving = None;
                }
            }
        } else if let Some(kept) = KEPT.iter().copied().find(|kept| *kept == name) {
            if is_end {
                // Every end that is written has its beginning, so that nothing is open without being counted.
                if let Some(at) = open.iter().rposition(|element| *element == kept) {
                    close(&mut out, &mut open, at);
                }
            } else {
                end_what_is_ended_by(kept, &mut out, &mut open);
                out.push('<');
                out.push_str(kept);
                if kept == "a"
                    && let Some(address) = link_of(attributes, base)
                {
                    out.push_str(" href=\"");
                    out.push_str(&address);
                    out.push('"');
                }
                out.push('>');
                if !matches!(kept, "br" | "hr") {
                    open.push(kept);
                }
                if open.len() > DEEPEST {
                    return Err(MarkdownError::TooDeep);
                }
            }
        } else {
            // What divs parted stays apart.
            out.push(' ');
        }
    }
    if leaving.is_none() {
        out.push_str(rest);
    }
    close(&mut out, &mut open, 0);
    Ok(out)
}

/// Ends the open elements from `at` on, the innermost first.
fn close(out: &mut String, open: &mut Vec<&'static str>, at: usize) {
    for element in open.drain(at..).rev() {
        out.push_str("</");
        out.push_str(element);
        out.push('>');
    }
}

/// Ends what ends by itself where `beginning` begins.
fn end_what_is_ended_by(beginning: &str, out: &mut String, open: &mut Vec<&'static str>) {
    if INLINE.contains(&beginning) {
        return;
    }
    let lines = open.iter().rposition(|element| !INLINE.contains(element)).map_or(0, |at| at + 1);
    close(out, open, lines);
    if open.last() == Some(&"p") {
        close(out, open, lines - 1);
    }
    for (ended, by) in ENDED_BY {
        if by.contains(&beginning) && open.last().is_some_and(|last| ended.contains(last)) {
            let last = open.len() - 1;
            close(out, open, last);
        }
    }
}

/// Name, whether it ends an element, attributes, and what is behind.
fn next_tag(text: &str) -> Option<(&str, bool, &str, &str)> {
    let inner = text.strip_prefix('<')?;
    let (inner, is_end) = inner.strip_prefix('/').map_or((inner, false), |inner| (inner, true));
    let length = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(inner.len());
    let (name, attributes) = inner.split_at(length);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    // A `>` within quotes is a part of an attribute.
    let mut quote: Option<char> = None;
    for (at, character) in attributes.char_indices() {
        match (quote, character) {
            (None, '>') => return Some((name, is_end, attributes.get(..at)?, attributes.get(at + 1..)?)),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    // A tag that never ends swallows the rest, as it does in a browser.
    Some((name, is_end, "", ""))
}

/// What is shown of a `<` that begins no tag, and what is behind it.
fn pass_over(text: &str) -> (&'static str, &str) {
    if let Some(comment) = text.strip_prefix("<!--") {
        return ("", comment.find("-->").and_then(|end| comment.get(end + 3..)).unwrap_or_default());
    }
    if text.starts_with("<!") || text.starts_with("<?") {
        return ("", text.find('>').and_then(|end| text.get(end + 1..)).unwrap_or_default());
    }
    ("&lt;", text.get(1..).unwrap_or_default())
}

/// What is behind the end of the element `name`; `lower` is the text in small letters.
fn end_of_raw<'t>(text: &'t str, lower: &str, name: &str) -> &'t str {
    let end = lower.find(&format!("</{name}")).and_then(|start| Some(start + lower.get(start..)?.find('>')? + 1));
    end.and_then(|end| text.get(end..)).unwrap_or_default()
}

/// The address of a link, absolute and for the web; none for any other scheme.
fn link_of(attributes: &str, base: &reqwest::Url) -> Option<String> {
    let lower = attributes.to_ascii_lowercase();
    let at = lower.match_indices("href").map(|(at, _)| at).find(|at| {
        *at == 0 || lower.get(..*at).is_some_and(|before| before.ends_with(|c: char| c.is_ascii_whitespace()))
    })?;
    let value = attributes.get(at + 4..)?.trim_start().strip_prefix('=')?.trim_start();
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split(quote).next()?,
        _ => value.split(|c: char| c.is_ascii_whitespace()).next()?,
    };
    let value = value.replace("&amp;", "&");
    let address = base.join(value.trim()).ok()?;
    // Serialised, it has no quotes, blanks or angle brackets any more.
    matches!(address.scheme(), "https" | "http").then(|| address.to_string().replace('"', "%22"))
}

/// Markdown as HTML: raw HTML is dropped, pictures are their description, links lead to the web or within the page,
/// and headings begin at `<h3>`, below those of the page.
#[must_use]
pub fn to_html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut in_picture = 0_u32;
    let mut links: Vec<bool> = Vec::new();
    let events = Parser::new_ext(markdown, options).filter_map(|event| {
        Some(match event {
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {
                return None;
            }
            Event::Start(Tag::Image { .. }) => {
                in_picture += 1;
                Event::Text(CowStr::Borrowed(""))
            }
            Event::End(TagEnd::Image) => {
                in_picture = in_picture.saturating_sub(1);
                Event::Text(CowStr::Borrowed(""))
            }
            Event::Start(Tag::Heading { level, .. }) => Event::Start(Tag::Heading {
                level: below_the_page(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            }),
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(below_the_page(level))),
            Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
                let leads = leads_to_the_web(&dest_url);
                links.push(leads);
                if !leads {
                    return None;
                }
                Event::Start(Tag::Link { link_type, dest_url, title: CowStr::Borrowed(""), id })
            }
            Event::End(TagEnd::Link) => {
                if !links.pop().unwrap_or(false) {
                    return None;
                }
                Event::End(TagEnd::Link)
            }
            other => other,
        })
    });
    let mut out = String::with_capacity(markdown.len() * 3 / 2);
    html::push_html(&mut out, events);
    // The policy of the pages takes no style attributes; the alignment of columns is all that would have one.
    for side in ["left", "center", "right"] {
        out = out.replace(&format!(" style=\"text-align: {side}\""), "");
    }
    out
}

fn leads_to_the_web(address: &str) -> bool {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    is_path || address.starts_with('#') || address.starts_with("https://") || address.starts_with("http://")
}

const fn below_the_page(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 | HeadingLevel::H2 | HeadingLevel::H3 => HeadingLevel::H3,
        HeadingLevel::H4 => HeadingLevel::H4,
        HeadingLevel::H5 => HeadingLevel::H5,
        HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// The texts of the headings, first ones first: what a page of news tells.
#[must_use]
pub fn headings(markdown: &str, most: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut heading: Option<String> = None;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level != HeadingLevel::H1 => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let text = heading.take().map(|text| text.trim().to_owned()).filter(|text| text.chars().count() > 2);
                found.extend(text);
                if found.len() >= most {
                    break;
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base() -> reqwest::Url {
        "https://docs.example/a/b.html".parse().expect("an address")
    }

    #[test]
    fn a_page_becomes_markdown() {
        let html = "<html><head><title>No</title><script>evil()</script></head><body><nav><a href=x>menu</a></nav>\
            <main><h1 onclick=x>Connect</h1><p style='x'>Use <code>a &lt; b</code> and <a href=\"../c.html?x=1&amp;y\" title='>'>this</a>.</p>\
            <ul><li>one<li>two</ul><pre><code>select 1;</code></pre><img src=x onerror=y><!-- no --></main><footer>no</footer></body></html>";
        let markdown = from_html(html, &base()).expect("it can be read");
        for part in ["# Connect", "`a < b`", "[this](https://docs.example/c.html?x=1&y)", "one", "two", "select 1;"] {
            assert!(markdown.contains(part), "{part}: {markdown}");
        }
        for gone in ["evil", "menu", "footer", "onclick", "onerror", "No", "no "] {
            assert!(!markdown.contains(gone), "{gone}: {markdown}");
        }
    }

    #[test]
    fn hostile_pages_are_refused_or_harmless() {
        for html in ["<div>".repeat(100_000), "<p>x".repeat(50_000), "<li><br>".repeat(30_000)] {
            assert!(matches!(from_html(&html, &base()), Err(MarkdownError::TooManyElements)));
        }
        for html in [
            "<blockquote>".repeat(50_000),
            format!("<p>x{}", "<b a=1><i>".repeat(40_000)),
            "<table><tr><td>".repeat(30_000),
            "<blockquote><table><td></blockquote>".repeat(100) + &"<ul>".repeat(70),
        ] {
            assert!(matches!(from_html(&html, &base()), Err(MarkdownError::TooDeep)));
        }
        // Many scripts take no longer than few.
        let many = format!("<p>text{}", "<script></script>".repeat(MOST_ELEMENTS - 1)) + &" ".repeat(1 << 20);
        assert!(from_html(&many, &base()).is_ok());
        for html in ["", "<script>x", "<nav>only", "<!-- <p>x</p>", "<p"] {
            assert!(matches!(from_html(html, &base()), Err(MarkdownError::Empty)), "{html}");
        }
        // As deep as may be.
        let deep = format!("{}text", "<blockquote>".repeat(DEEPEST));
        assert!(from_html(&deep, &base()).is_ok_and(|markdown| markdown.ends_with("text")));
        for html in [
            "<p>a<a href='javascript:alert(1)'>b</a></p>",
            "<p>a<a href=\" java\nscript:alert(1)\">b</a></p>",
            "<p>a<a href='data:text/html,x'>b</a></p>",
            "<p>a &lt;script&gt;alert(1)&lt;/script&gt;</p>",
            "<p>a<scr<script>ipt>alert(1)</script></p>",
            "<p>a<svg><script>alert(1)</script></svg></p>",
            "<p>a [x](javascript:alert(1)) ![y](javascript:z) <b onmouseover=x>c</b></p>",
        ] {
            let markdown = from_html(html, &base()).expect("there is text in it");
            harmless(&to_html(&markdown));
        }
    }

    #[test]
    fn markdown_becomes_html_without_any_of_its_own() {
        let shown = to_html(
            "# A\n\n#### B\n\n<script>x</script>\n\ntext <b onclick=x>bold</b> [l](javascript:x) [m](https://a.example) ![p](x)\n\n|a|b|\n|:-|-:|\n|1|2|",
        );
        assert!(shown.contains("<h3>A</h3>") && shown.contains("<h4>B</h4>"), "{shown}");
        assert!(shown.contains("<a href=\"https://a.example\">m</a>") && shown.contains("<td>1</td>"), "{shown}");
        assert!(shown.contains("bold") && !shown.contains("javascript"), "{shown}");
        harmless(&shown);
    }

    #[test]
    fn news_are_headings() {
        assert_eq!(headings("# Notes\n\n## 18.1 `x`\ntext\n\n### 18.0\n\n## 17", 2), ["18.1 x", "18.0"]);
    }

    /// No element or attribute that runs anything.
    fn harmless(html: &str) {
        let parsed = reduce(html, &base()).expect("few elements");
        assert_eq!(html.matches("<a ").count(), parsed.matches("<a ").count(), "{html}");
        for tag in html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
            let attributes = tag.split_once(' ').map_or("", |(_, attributes)| attributes);
            let is_plain = attributes.is_empty()
                || attributes.starts_with("href=\"http")
                || attributes.starts_with("href=\"/")
                || attributes.starts_with("href=\"#")
                || attributes.starts_with("class=\"language-")
                || attributes.starts_with("start=\"")
                || attributes == "/";
            assert!(is_plain, "<{tag}>");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_fetched_is_harmless(html in "(<p>|<a href=|</a>|<script>|\"|'|>|<|&lt;|\\[x\\]\\(|javascript:|\\)|`|```\n|<img src=x onerror=|\\PC{0,6}| |\n|#|\\||-){0,30}") {
            if let Ok(markdown) = from_html(&format!("<p>text {html}"), &base()) {
                harmless(&to_html(&markdown));
            }
        }
    }
}
