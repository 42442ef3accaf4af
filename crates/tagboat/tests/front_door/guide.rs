//! The guide tells the truth: what its console blocks show is typed here, in their order, in one repository.

use std::process::Command;

use crate::versions::new_shop;

/// What the console blocks of a page show to be typed, each with what it prints.
fn console(page: &str) -> Vec<(String, String)> {
    let mut typed: Vec<(String, String)> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => typed.push((command.to_owned(), String::new())),
                None => typed.last_mut().unwrap().1.push_str(&format!("{line}\n")),
            }
        }
    }
    typed
}

#[test]
fn every_console_block_of_the_guide_is_true() {
    let page =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/versions-and-environments.md");
    let page = std::fs::read_to_string(page).unwrap();
    let typed = console(&page);
    assert!(typed.len() > 10, "{typed:?}");
    let repo = new_shop();
    repo.write("lib/list", "unsorted\n");
    repo.commit("feat: lists");
    repo.git(&["push", "-q", "--set-upstream", "origin", "main"]);
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_tagboat"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().to_str().unwrap());
    let mut shown = String::new();
    let mut expected = String::new();
    for (minute, (command, printed)) in typed.iter().enumerate() {
        // One stream: what is printed in which order is what a terminal shows.
        let time = format!("{} +0000", 1_767_312_000 + minute * 60);
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(repo.work())
            .env_clear()
            .env("PATH", &path)
            .envs(repo.environment())
            .env("GIT_AUTHOR_DATE", &time)
            .env("GIT_COMMITTER_DATE", &time)
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        shown.push_str(&format!("$ {command}\n{output}"));
        expected.push_str(&format!("$ {command}\n{printed}"));
    }
    if let Some(file) = std::env::var_os("TAGBOAT_GUIDE") {
        std::fs::write(file, &shown).unwrap();
    }
    assert_eq!(shown, expected);
}
