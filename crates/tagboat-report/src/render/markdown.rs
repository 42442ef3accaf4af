//! A report for `$GITHUB_STEP_SUMMARY`. In: the report, and the bytes that are left. Out: GitHub's Markdown, no
//! longer than that.

use crate::pipeline_report::{PipelineReport, ReportedStep};
use crate::text::{acts, clip, duration, inert};

/// Most bytes of a step's summary. GitHub drops a longer one altogether: `supports content up to a size of
/// 1024k` (`CreateStepSummaryCommand` of actions/runner).
pub const STEP_SUMMARY_LIMIT: usize = 1 << 20;

/// Most characters of one text from elsewhere; whole texts are in the JSON form.
const MOST: usize = 2_000;

/// Bytes kept free for the note that says what was left out.
const NOTE: usize = 256;

/// The report in at most `room` bytes: [`STEP_SUMMARY_LIMIT`] less what the step has written already. What
/// does not fit is left out, the log first, and the report says so. Empty where there is no room for a
/// headline.
#[must_use]
pub fn markdown(report: &PipelineReport, room: usize) -> String {
    let mut page = Page { text: String::new(), room: room.saturating_sub(NOTE), left: Vec::new() };

    let headline = format!("## {}: {}\n", report.status.word(), inline(&report.headline));
    page.block(&headline, "", &[], Keep::First, "");
    let facts: Vec<String> =
        report.facts.iter().map(|fact| row(&[&inline(&fact.label), &inline(&fact.text)])).collect();
    page.block("\n| | |\n| --- | --- |\n", "", &facts, Keep::First, "facts");

    let links: Vec<String> = report
        .action_links
        .iter()
        .map(|link| {
            let label = inline(link.label.as_str());
            let label = match &link.url {
                Some(url) => format!("[{label}]({})", url.as_str()),
                None => label,
            };
            let description = link.description.as_deref().map(inline).unwrap_or_default();
            row(&[&label, &format!("<code>{}</code>", inline(&link.command)), &description])
        })
        .collect();
    let head = "\n### Next\n\n| Step | Command | What it does |\n| --- | --- | --- |\n";
    page.block(head, "", &links, Keep::First, "next steps");

    let warnings: Vec<String> =
        report.warnings.iter().map(|warning| row(&[&inline(warning)])).collect();
    page.block("\n| Warnings |\n| --- |\n", "", &warnings, Keep::First, "warnings");

    let steps: Vec<String> = report.steps.iter().map(step_row).collect();
    let total = duration(report.steps.iter().map(|step| step.seconds).sum());
    let head = format!(
        "\n<details><summary>Steps: {}, {total}</summary>\n\n\
         | Step | Seconds | Result |\n| --- | ---: | --- |\n",
        steps.len()
    );
    page.block(&head, "\n</details>\n", &steps, Keep::First, "steps");

    let journal: Vec<String> = report.journal.iter().map(|line| code_line(line)).collect();
    let fence = fence(&journal);
    let head = format!(
        "\n<details><summary>Log of the service: {} lines</summary>\n\n{fence}text\n",
        journal.len()
    );
    page.block(&head, &format!("{fence}\n\n</details>\n"), &journal, Keep::Last, "log lines");

    let foot = format!(
        "\n<sub>{}, run {}, {}</sub>\n",
        inline(&report.workflow_name),
        inline(&report.workflow_run_id),
        tagboat_core::time::readable(report.generated_at)
    );
    page.block(&foot, "", &[], Keep::First, "");
    page.end()
}

/// Which rows of a block are kept where not all of them fit.
#[derive(Clone, Copy)]
enum Keep {
    First,
    Last,
}

struct Page {
    text: String,
    room: usize,
    /// What was left out: `180 of 200 log lines`.
    left: Vec<String>,
}

impl Page {
    /// `head`, as many of `rows` as fit, `foot`. A block of rows without any is left out; so is one whose
    /// head does not fit.
    fn block(&mut self, head: &str, foot: &str, rows: &[String], keep: Keep, what: &str) {
        if rows.is_empty() && !what.is_empty() {
            return;
        }
        let Some(mut room) = self.room.checked_sub(self.text.len() + head.len() + foot.len())
        else {
            self.note(0, rows.len(), what);
            return;
        };
        let fits = |row: &&String| {
            let rest = room.checked_sub(row.len());
            room = rest.unwrap_or(0);
            rest.is_some()
        };
        let kept = match keep {
            Keep::First => rows.iter().take_while(fits).count(),
            Keep::Last => rows.iter().rev().take_while(fits).count(),
        };
        self.note(kept, rows.len(), what);
        if kept == 0 && !rows.is_empty() {
            return;
        }
        let rows = match keep {
            Keep::First => &rows[..kept],
            Keep::Last => &rows[rows.len() - kept..],
        };
        self.text.push_str(head);
        self.text.extend(rows.iter().map(String::as_str));
        self.text.push_str(foot);
    }

    fn note(&mut self, kept: usize, all: usize, what: &str) {
        if kept < all {
            self.left.push(format!("{} of {all} {what}", all - kept));
        }
    }

    fn end(mut self) -> String {
        // Without a headline there was no room for anything, nor for the note.
        if !self.left.is_empty() && !self.text.is_empty() {
            let left = self.left.join(", ");
            self.text.push_str(&format!("\nLeft out, for a summary has a largest size: {left}.\n"));
        }
        self.text
    }
}

fn step_row(step: &ReportedStep) -> String {
    let result = match step.result.as_str() {
        ReportedStep::DONE => ReportedStep::DONE.to_owned(),
        why => format!("failed: {}", inline(why)),
    };
    row(&[&inline(&step.step), &format!("{:.1}", step.seconds), &result])
}

fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A text as part of a paragraph or a table's cell, in which it means only itself. What has a meaning in
/// Markdown or HTML becomes a character reference, which `CommonMark` §2.5 never takes for structure; an
/// empty comment parts `@` and `#` from what would make them a mention or a reference after rendering.
fn inline(text: &str) -> String {
    let clipped = clip(text.trim(), MOST);
    let mut safe = String::with_capacity(clipped.len());
    let mut rest = clipped.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        match c {
            _ if acts(c) => {
                safe.push_str("&#92;");
                safe.extend(c.escape_unicode().skip(1));
            }
            '@' => safe.push_str("&#64;<!-- -->"),
            '#' if next.is_some_and(|next| next.is_ascii_digit()) => {
                safe.push_str("&#35;<!-- -->");
            }
            // `::` is a workflow command, `://` a link.
            ':' if matches!(next, Some(':' | '/')) => safe.push_str("&#58;"),
            '.' if safe.ends_with("www") => safe.push_str("&#46;"),
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                safe.push_str(&format!("&#{};", u32::from(c)));
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// A line inside a fence, where nothing but the fence itself means anything.
fn code_line(line: &str) -> String {
    let mut line = inert(&clip(line, MOST));
    line.push('\n');
    line
}

/// A fence that no line can close: longer than every run of backticks, and than the three it needs
/// (`CommonMark` §4.5).
fn fence(lines: &[String]) -> String {
    let runs = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}
