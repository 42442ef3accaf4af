//! Reading stays within the root, and never waits.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::{FileError, Files, MAX_BYTES};

#[test]
fn a_link_that_leads_out_of_the_root_is_refused() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    fs::create_dir_all(root.join("environments")).unwrap();
    fs::write(outer.path().join("secret"), "hunter2").unwrap();
    symlink("../secret", root.join("file")).unwrap();
    symlink("/etc", root.join("environments/production")).unwrap();
    symlink("environments", root.join("inner")).unwrap();
    let files = Files::Folder(root);
    assert_eq!(files.read("file"), Err(FileError::Outside));
    assert_eq!(files.read("environments/production/hostname"), Err(FileError::Outside));
    assert!(!files.has("file"));
    assert_eq!(files.folders("inner"), Ok(vec!["production".to_owned()]));
}

#[test]
fn a_pipe_or_a_folder_is_refused_before_it_is_opened() {
    let root = tempfile::tempdir().unwrap();
    let pipe = root.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::create_dir(root.path().join("folder")).unwrap();
    let files = Files::Folder(root.path().to_owned());
    assert_eq!(files.read("pipe"), Err(FileError::NoFile));
    assert_eq!(files.read("folder"), Err(FileError::NoFile));
    assert_eq!(files.read("pipe/below"), Ok(None));
    assert_eq!(files.read("none"), Ok(None));
}

#[test]
fn a_file_is_read_up_to_its_limit() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("fits"), vec![b'x'; MAX_BYTES]).unwrap();
    fs::write(root.path().join("long"), vec![b'x'; MAX_BYTES + 1]).unwrap();
    let files = Files::Folder(root.path().to_owned());
    assert_eq!(files.read("fits").unwrap().unwrap().len(), MAX_BYTES);
    assert_eq!(files.read("long"), Err(FileError::TooLong));
}

#[test]
fn a_listed_tree_has_folders_like_a_folder() {
    let listed = ["environments/a/x.yml", "environments/b/c/y.yml", "environments/README.md"];
    let root = tempfile::tempdir().unwrap();
    for path in listed {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    fs::create_dir(root.path().join("environments/.hidden")).unwrap();
    let folder = Files::Folder(root.path().to_owned());
    let listed = Files::Listed(listed.map(|path| (path.to_owned(), Vec::new())).into());
    for path in ["", "environments", "environments/b", "none"] {
        assert_eq!(folder.folders(path), listed.folders(path), "{path}");
    }
}
