//! Plans as people review them. In: facts and requests. Out: the printed plan, every argument of it.

use insta::assert_snapshot;
use tagboat_build::plan;
use tagboat_build::request::Parallel;
use tagboat_build::strategy::{Strategy, StrategyChoice};
use tagboat_core::ports::Architecture;

use crate::scene::{Scene, debhelper_project, staged, staged_facts, staged_project};

/// The plan's text with this test's folder called FOLDER, and the commit by its length alone.
fn printed(scene: &Scene, text: &str) -> String {
    let folder = scene.folder.path().to_str().unwrap();
    let sha = scene.commit.sha.as_str();
    text.replace(folder, "FOLDER").replace(sha, "COMMIT").replace(&sha[..7], "COMMIT7")
}

#[test]
fn a_native_staged_plan_shows_every_argument() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.architectures = vec![Architecture::Amd64];
    let plan = plan(&staged_facts(), &request).unwrap();
    assert_snapshot!(printed(&scene, &plan.to_string()), @"
    build api 1.2.0~rc.1 from COMMIT7
    amd64: native (this machine is amd64)
      root   bookworm amd64 with build-essential and the build dependencies for amd64
      bind   FOLDER/work/amd64-native on /build
      set    BUILD_VERSION=1.2.0-rc.1
      set    VERSION=1.2.0-rc.1
      set    BUILD_TIMESTAMP=2026-11-20T14:03:09Z
      set    SOURCE_DATE_EPOCH=1795183389
      set    COMMIT_SHA=COMMIT
      set    PACKAGE_NAME=api
      set    BUILD_ARCH=amd64
      set    DEB_HOST_ARCH=amd64
      set    DEB_HOST_MULTIARCH=x86_64-linux-gnu
      set    DEB_HOST_GNU_TYPE=x86_64-linux-gnu
      set    DEB_HOST_RUST_TYPE=x86_64-unknown-linux-gnu
      set    DEB_BUILD_ARCH=amd64
      set    DEB_BUILD_GNU_TYPE=x86_64-linux-gnu
      set    DEBIAN_FRONTEND=noninteractive
      set    HOME=/build/home
      set    TZ=UTC
      export the commit to source
      run    chmod --recursive u=rwX,go=rX -- /build/source
      run    chown --recursive --no-dereference 65534:65534 -- /build/source /build/home
      ask    DEB_BUILD_MAINT_OPTIONS=hardening=+all setpriv --reuid=65534 --regid=65534 --clear-groups -- dpkg-buildflags --dump (in /build/source)
      run    setpriv --reuid=65534 --regid=65534 --clear-groups -- make -C api VERSION=1.2.0-rc.1 (in /build/source), with the compiler flags
      take   3 files, programs only for amd64
             0755 File api/build/api -> /usr/bin/api
             auto File api/api.1 -> /usr/share/man/man1/api.1.gz
             0644 File api/copyright -> /usr/share/doc/api/copyright
      run    chown --recursive --no-dereference 65534:65534 -- /build/stage
      each   setpriv --reuid=65534 --regid=65534 --clear-groups -- strip --strip-unneeded --remove-section=.comment --remove-section=.note -- (in /build/stage) PROGRAM
      ask    setpriv --reuid=65534 --regid=65534 --clear-groups -- dpkg-shlibdeps -O (in /build/stage) PROGRAMS
      pack
             Package: api
             Version: 1.2.0~rc.1
             Architecture: amd64
             Maintainer: Ada Example <ada@example.org>
             Provides: notes
             Section: web
             Priority: optional
             Homepage: https://example.org/api
             Description: notes over HTTP
              Keeps notes.
              .
              And serves them.
             Depends: LIBRARIES, curl
             0644 made here -> /lib/systemd/system/api.service
             0644 made here -> /usr/share/doc/api/changelog.gz
             maintainer script postinst
             maintainer script prerm
             maintainer script postrm
      log    FOLDER/logs/api_1.2.0~rc.1_amd64.log
    the packages appear in FOLDER/dist
    ");
}

#[test]
fn a_cross_plan_names_the_cross_tools_and_emulation_behind_it() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.architectures = vec![Architecture::Arm64];
    let plan = plan(&staged_facts(), &request).unwrap();
    let text = printed(&scene, &plan.to_string());
    let kept = [
        "arm64:",
        "root",
        "set    C",
        "set    A",
        "set    R",
        "set    P",
        "set    DEB_",
        "run",
        "each",
        "ask",
        "take",
    ];
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| kept.iter().any(|start| line.trim_start().starts_with(start)))
        .collect();
    assert_snapshot!(lines.join("\n"), @"
    arm64: cross (this machine is amd64; a cross compiler costs about a tenth more)
      root   bookworm amd64 and arm64 with build-essential crossbuild-essential-arm64 libc6-dev:arm64 libstdc++6:arm64 and the build dependencies for arm64
      set    COMMIT_SHA=COMMIT
      set    PACKAGE_NAME=api
      set    DEB_HOST_ARCH=arm64
      set    DEB_HOST_MULTIARCH=aarch64-linux-gnu
      set    DEB_HOST_GNU_TYPE=aarch64-linux-gnu
      set    DEB_HOST_RUST_TYPE=aarch64-unknown-linux-gnu
      set    DEB_BUILD_ARCH=amd64
      set    DEB_BUILD_GNU_TYPE=x86_64-linux-gnu
      set    CC=aarch64-linux-gnu-gcc
      set    CXX=aarch64-linux-gnu-g++
      set    AR=aarch64-linux-gnu-ar
      set    RANLIB=aarch64-linux-gnu-ranlib
      set    PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
      set    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
      run    chmod --recursive u=rwX,go=rX -- /build/source
      run    chown --recursive --no-dereference 65534:65534 -- /build/source /build/home
      ask    DEB_BUILD_MAINT_OPTIONS=hardening=+all setpriv --reuid=65534 --regid=65534 --clear-groups -- dpkg-buildflags --dump (in /build/source)
      run    setpriv --reuid=65534 --regid=65534 --clear-groups -- make -C api VERSION=1.2.0-rc.1 (in /build/source), with the compiler flags
      take   3 files, programs only for arm64
      run    chown --recursive --no-dereference 65534:65534 -- /build/stage
      each   setpriv --reuid=65534 --regid=65534 --clear-groups -- aarch64-linux-gnu-strip --strip-unneeded --remove-section=.comment --remove-section=.note -- (in /build/stage) PROGRAM
      ask    setpriv --reuid=65534 --regid=65534 --clear-groups -- dpkg-shlibdeps -O (in /build/stage) PROGRAMS
    arm64: else emulated (if cross building fails; 10 to 20 times slower)
      root   bookworm arm64 with build-essential and the build dependencies for arm64
    ");
}

#[test]
fn a_debhelper_plan_shows_its_changelog_its_unit_and_one_command() {
    let scene = Scene::new();
    let mut request = scene.request(debhelper_project());
    request.parallel = Parallel::Parallel;
    let plan = scene.plan(&request).unwrap();
    let text = printed(&scene, &plan.to_string());
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("  set ")).collect();
    assert_snapshot!(lines.join("\n"), @"
    build local-rag 1.2.0~rc.1 from COMMIT7
    amd64: native (this machine is amd64)
      root   bookworm amd64 with build-essential and the build dependencies for amd64
      bind   FOLDER/work/amd64-native on /build
      export the commit to source
      run    chmod --recursive u=rwX,go=rX -- /build/source
      run    cp --archive --no-target-directory -- /build/source/local-rag/packaging/debian /build/source/local-rag/debian
      run    install --mode=0644 -- /dev/stdin /build/source/local-rag/debian/changelog
             | local-rag (1.2.0~rc.1) bookworm; urgency=medium
             |
             |   * feat: answer questions
             |
             |  -- Ada Example <ada@example.org>  Fri, 20 Nov 2026 14:03:09 +0000
      run    install --mode=0644 -- /dev/stdin /build/source/local-rag/debian/local-rag.service
             | [Service]
             | ExecStart=/usr/bin/local-rag
      run    chown --recursive --no-dereference 65534:65534 -- /build
      run    DEB_BUILD_OPTIONS=noautodbgsym setpriv --reuid=65534 --regid=65534 --clear-groups -- dpkg-buildpackage --build=binary --no-sign --jobs=auto (in /build/source/local-rag)
      take   the packages that source/local-rag/debian/files names
      log    FOLDER/logs/local-rag_1.2.0~rc.1_amd64.log
    arm64: cross (this machine is amd64; a cross compiler costs about a tenth more)
      note: the packaging's own tests do not run: they are programs for another machine
      root   bookworm amd64 and arm64 with build-essential crossbuild-essential-arm64 libc6-dev:arm64 libstdc++6:arm64 and the build dependencies for arm64
      bind   FOLDER/work/arm64-cross on /build
      export the commit to source
      run    chmod --recursive u=rwX,go=rX -- /build/source
      run    cp --archive --no-target-directory -- /build/source/local-rag/packaging/debian /build/source/local-rag/debian
      run    install --mode=0644 -- /dev/stdin /build/source/local-rag/debian/changelog
             | local-rag (1.2.0~rc.1) bookworm; urgency=medium
             |
             |   * feat: answer questions
             |
             |  -- Ada Example <ada@example.org>  Fri, 20 Nov 2026 14:03:09 +0000
      run    install --mode=0644 -- /dev/stdin /build/source/local-rag/debian/local-rag.service
             | [Service]
             | ExecStart=/usr/bin/local-rag
      run    chown --recursive --no-dereference 65534:65534 -- /build
      run    'DEB_BUILD_OPTIONS=noautodbgsym nocheck' setpriv --reuid=65534 --regid=65534 --clear-groups -- dpkg-buildpackage --build=binary --no-sign --jobs=auto --host-arch=arm64 (in /build/source/local-rag)
      take   the packages that source/local-rag/debian/files names
    arm64: else emulated (if cross building fails; 10 to 20 times slower)
      root   bookworm arm64 with build-essential and the build dependencies for arm64
      the same steps, for a native build
      log    FOLDER/logs/local-rag_1.2.0~rc.1_arm64.log
    the 2 builds run side by side
    the packages appear in FOLDER/dist
    ");
}

#[test]
fn an_emulated_build_is_a_native_one_in_the_other_root() {
    let scene = Scene::new();
    let mut request = scene.request(staged_project(staged()));
    request.architectures = vec![Architecture::Arm64];
    request.strategy = StrategyChoice::Only(Strategy::Emulated);
    let plan = plan(&staged_facts(), &request).unwrap();
    let [job] = &plan.jobs[..] else { panic!("{plan}") };
    let [attempt] = &job.attempts[..] else { panic!("{plan}") };
    assert_eq!(attempt.root.architecture, Architecture::Arm64);
    assert!(attempt.root.foreign.is_empty());
    assert_eq!(attempt.root.packages, ["build-essential"]);
    assert!(attempt.variables.iter().all(|(name, _)| name != "CC"));
    assert!(attempt.variables.contains(&("DEB_BUILD_ARCH".to_owned(), "arm64".to_owned())));
}

#[test]
fn the_plan_of_a_commit_is_always_the_same() {
    let scene = Scene::new();
    let request = scene.request(staged_project(staged()));
    let first = plan(&staged_facts(), &request).unwrap().to_string();
    assert_eq!(first, plan(&staged_facts(), &request).unwrap().to_string());
}
