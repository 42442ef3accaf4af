//! A report for a terminal. In: the report. Out: lines of 80 columns, in the form of the error messages.

use crate::pipeline_report::{PipelineReport, ReportedStep};
use crate::text::{clip, inert, printable, wrap};

/// Columns of a line. Commands are longer where they must be: a wrapped one could not be copied.
const WIDTH: usize = 80;

/// Most characters of one text from elsewhere; whole texts are in the JSON form.
const MOST: usize = 2_000;

/// The report: headline, what is true now and why, steps with their times, log, warnings, next commands.
/// Ends in a newline.
#[must_use]
pub fn human(report: &PipelineReport) -> String {
    let mut page = Page::default();
    page.wrapped(&format!("{}: ", report.status.word()), &report.headline);

    let longest = report.facts.iter().map(|fact| fact.label.chars().count()).max().unwrap_or(0);
    for fact in &report.facts {
        page.wrapped(&format!("  = {:<longest$}  ", printable(&fact.label)), &fact.text);
    }
    page.section("steps", &report.steps, |page, step| {
        let head = format!("{:>8.1} s  ", step.seconds);
        page.wrapped(&head, &step.step);
        if step.result != ReportedStep::DONE {
            page.wrapped(&format!("{:width$}failed: ", "", width = head.len()), &step.result);
        }
    });
    page.section("log of the service", &report.journal, |page, line| {
        page.line(&format!("  | {}", clip(line, MOST)));
    });
    page.section("warnings", &report.warnings, |page, warning| page.wrapped("  - ", warning));
    let links: Vec<_> = report.action_links.iter().collect();
    page.section("next", &links, |page, link| {
        page.wrapped("  ", link.label.as_str());
        page.line(&format!("      {}", link.command));
    });
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn section<T>(&mut self, title: &str, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        if items.is_empty() {
            return;
        }
        self.line("");
        self.line(title);
        items.iter().for_each(|one| item(self, one));
    }

    /// `head`, then `text` in the columns right of it.
    fn wrapped(&mut self, head: &str, text: &str) {
        let indent = head.chars().count();
        let text = printable(&clip(text, MOST));
        for (number, line) in wrap(&text, WIDTH.saturating_sub(indent).max(20)).iter().enumerate() {
            let lead = if number == 0 { head } else { &" ".repeat(indent) };
            self.line(&format!("{lead}{line}"));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(inert(line).trim_end());
        self.text.push('\n');
    }
}
