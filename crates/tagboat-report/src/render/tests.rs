//! What every form keeps to, whatever people write; and the forms as they are read in review.

mod snapshots;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::pipeline_report::tests::sample;
use crate::pipeline_report::{Fact, PipelineReport, ReportedStep};
use crate::text::acts;

/// What people, programs and names from git may hold: words, everything that means something in Markdown or
/// HTML, workflow commands, and what acts on a terminal.
fn hostile() -> impl Strategy<Value = String> {
    r"(\PC|\pC|[a-z]{1,8} |::error::|##\[command\]|\n::|\|\n|`{1,6}|<script>|</details>|@everyone|&lt;|\\\||\[x\]\(http://e\.vil\)|www\.e\.vil|#12|\x1b\[2J|\u{9b}|\u{202e}){0,12}"
}

prop_compose! {
    /// A report all of whose texts are hostile.
    fn any_report()(
        name in hostile(),
        headline in hostile(),
        facts in vec((hostile(), hostile()), 0..4),
        steps in vec((hostile(), 0.0_f64..1e6, hostile()), 0..4),
        warnings in vec(hostile(), 0..4),
        journal in vec(hostile(), 0..6),
        commands in vec(hostile(), 1..4),
    ) -> PipelineReport {
        let mut report = sample::sick_and_rolled_back();
        let mut links: Vec<_> = report.action_links.iter().cloned().collect();
        for (link, command) in links.iter_mut().zip(&commands) {
            link.command.clone_from(command);
            link.description = Some(command.clone());
            if let Ok(label) = crate::action_link::Label::parse(command.clone()) {
                link.label = label;
            }
        }
        report.action_links = links.try_into().unwrap();
        report.workflow_run_id.clone_from(&name);
        report.workflow_name = name;
        report.headline = headline;
        report.facts =
            facts.into_iter().map(|(label, text)| Fact { label, text }).collect();
        report.steps = steps
            .into_iter()
            .map(|(step, seconds, result)| ReportedStep { step, seconds, result, region: None })
            .collect();
        report.warnings = warnings;
        report.journal = journal;
        report
    }
}

/// No character acts, and the runner of GitHub Actions finds no command.
fn is_inert(text: &str) -> Result<(), TestCaseError> {
    for line in text.lines() {
        prop_assert!(!line.contains(acts), "{:?}", line);
        prop_assert!(!line.trim_start().starts_with("::"), "{:?}", line);
        prop_assert!(!line.contains("##["), "{:?}", line);
    }
    Ok(())
}

/// How many cells a row of a table has, as GitHub counts them: by the pipes that are not escaped.
fn cells(row: &str) -> usize {
    row.replace(r"\|", "").matches('|').count() - 1
}

proptest! {
    #[test]
    fn nothing_that_people_write_acts_in_any_form(report in any_report()) {
        is_inert(&human(&report))?;
        is_inert(&markdown(&report, STEP_SUMMARY_LIMIT))?;
        is_inert(&json(&report).unwrap())?;
    }

    #[test]
    fn the_tables_keep_their_columns(report in any_report()) {
        let text = markdown(&report, STEP_SUMMARY_LIMIT);
        let fenced = text.find("\n```").unwrap_or(text.len());
        let mut columns = None;
        let mut rows = 0;
        for line in text[..fenced].lines() {
            if line.starts_with('|') {
                prop_assert!(line.ends_with('|'), "{line:?}");
                prop_assert_eq!(*columns.get_or_insert(cells(line)), cells(line), "{:?}", line);
                rows += 1;
            } else {
                columns = None;
            }
        }
        let tables = [report.facts.len(), report.warnings.len(), report.steps.len()];
        let expected = tables.iter().filter(|rows| **rows > 0).map(|rows| rows + 2).sum::<usize>();
        prop_assert_eq!(rows, expected + 2 + report.action_links.iter().count());
    }

    #[test]
    fn what_people_write_stays_text_in_markdown(report in any_report()) {
        let text = markdown(&report, STEP_SUMMARY_LIMIT);
        let fenced = text.find("\n```").unwrap_or(text.len());
        let ours = ["<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>",
            "<sub>", "</sub>", "<!-- -->"];
        let rest = ours.iter().fold(text[..fenced].to_owned(), |text, tag| text.replace(tag, ""));
        // Nothing opens a tag, mentions anyone, or is a link but the forge's.
        prop_assert!(!rest.contains(['<', '>', '@', '`', '\\', '*', '_', '$']), "{}", rest);
        prop_assert_eq!(rest.matches("](").count(), rest.matches("](https://github.com/acme/").count());
        prop_assert_eq!(rest.matches("://").count(), rest.matches("](https://").count());
        prop_assert!(!rest.contains("www."));
    }

    #[test]
    fn the_log_cannot_close_its_fence(report in any_report()) {
        let text = markdown(&report, STEP_SUMMARY_LIMIT);
        let lines: Vec<&str> = text.lines().collect();
        let opens = lines.iter().position(|line| line.starts_with("```"));
        prop_assert_eq!(opens.is_some(), !report.journal.is_empty());
        if let Some(opens) = opens {
            let fence = lines[opens].trim_end_matches("text");
            let closes: Vec<usize> =
                (opens + 1..lines.len()).filter(|&at| lines[at].trim().starts_with(fence)).collect();
            prop_assert_eq!(closes, [opens + report.journal.len() + 1]);
        }
    }

    #[test]
    fn a_summary_is_never_larger_than_its_room(report in any_report(), room in 0_usize..6_000) {
        prop_assert!(markdown(&report, room).len() <= room);
        // Whatever is left out: what was opened is closed.
        let journal = report.journal.iter().map(|_| "started".to_owned()).collect();
        let text = markdown(&PipelineReport { journal, ..report }, room);
        prop_assert!(text.len() <= room);
        prop_assert_eq!(text.matches("<details>").count(), text.matches("\n</details>\n").count());
        prop_assert!(text.matches("\n```").count().is_multiple_of(2));
    }

    #[test]
    fn lines_for_people_fit_a_terminal(words in vec("[a-z]{1,20}", 1..60)) {
        let mut report = sample::upgrade();
        report.headline = words.join(" ");
        report.facts[0].text = words.join(" ");
        let indented = |line: &&str| !line.starts_with("      ") || line.starts_with("       ");
        for line in human(&report).lines().filter(indented) {
            prop_assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn a_summary_that_is_too_long_loses_its_oldest_log_lines_and_says_so() {
    let mut report = sample::sick_and_rolled_back();
    report.journal = (0..40_000).map(|number| format!("{number} {}", "x".repeat(90))).collect();
    let text = markdown(&report, STEP_SUMMARY_LIMIT);
    assert!(text.len() <= STEP_SUMMARY_LIMIT && text.len() > STEP_SUMMARY_LIMIT - 1_000);
    assert!(text.contains("\n39999 x") && !text.contains("\n0 x"));
    let note = text.lines().last().unwrap();
    let kept = text.lines().filter(|line| line.ends_with("xxx")).count();
    let left = 40_000 - kept;
    assert_eq!(
        note,
        format!("Left out, for a summary has a largest size: {left} of 40000 log lines.")
    );
}

#[test]
fn what_is_true_now_and_what_to_do_are_kept_longest() {
    let mut report = sample::sick_and_rolled_back();
    report.steps = vec![report.steps[0].clone(); 400];
    let text = markdown(&report, 4_000);
    assert!(text.contains("production runs api/v1.3.2 again"));
    assert!(text.contains("--lift-hold"));
    assert!(text.contains(" of 400 steps, 3 of 3 log lines"), "{text}");
    assert_eq!(markdown(&report, 10), "");
}

#[test]
fn one_text_without_an_end_does_not_fill_the_report() {
    let mut report = sample::sick_and_rolled_back();
    let long = "x".repeat(10 << 20);
    report.headline.clone_from(&long);
    report.journal = vec![long];
    for text in [human(&report), markdown(&report, STEP_SUMMARY_LIMIT)] {
        assert!(text.len() < 16_000, "{}", text.len());
        assert!(text.contains("xxx…"));
    }
}
