//! The worker that makes the PDFs, and deletes those of erased people.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;

use lms_certificates::{Fonts, Renderer};
use lms_core::Lms;
use lms_core::assets::Folder;
use lms_core::lms::Consumer;
use lms_core::testing::Classroom;
use lms_store_sqlite::SqliteStore;

fn pdfs(root: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(root) else { return 0 };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { pdfs(&path) } else { usize::from(path.extension().is_some_and(|e| e == "pdf")) })
        .sum()
}

/// rules: C6, D5
#[tokio::test]
async fn d5_the_files_of_an_erased_person_are_deleted() {
    let files = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let lms = Lms::builder(store).assets(Folder::new(files.path())).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 1, 3).await.unwrap();
    for n in 0..3 {
        room.student(n).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    }
    let renderer = Renderer::new("Academy", Fonts::built_in());
    let lease = lms.lease(renderer.name()).await.unwrap().unwrap();
    assert_eq!(renderer.step(&lms, &lease).await.unwrap(), 3);
    assert_eq!(pdfs(files.path()), 3);
    let gone = *room.students.first().unwrap();
    let stays = lms.system().certificates().of(room.course, *room.students.last().unwrap()).await.unwrap();
    lms.as_user(room.admin).people().erase_person(gone).await.unwrap();
    assert_eq!(pdfs(files.path()), 3, "the transaction touches no file");
    assert_eq!(renderer.step(&lms, &lease).await.unwrap(), 1);
    assert_eq!(pdfs(files.path()), 2);
    assert!(Path::new(&stays.certificate_url.unwrap()).is_file(), "another's stays");
    assert_eq!(renderer.step(&lms, &lease).await.unwrap(), 0, "once");
    let blank = lms.system().certificates().of(room.course, gone).await.unwrap();
    assert_eq!((blank.certificate_url, blank.pdf_sha256), (None, None));

    // Erased before its page was made: none is made.
    let late = room.new_student("Late").await.unwrap();
    lms.as_user(late).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    lms.as_user(room.admin).people().erase_person(late).await.unwrap();
    assert_eq!(renderer.step(&lms, &lease).await.unwrap(), 0);
    // Erased while it was made: it is thrown away.
    let later = room.new_student("Later").await.unwrap();
    lms.as_user(later).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    let loaded = lms.system().certificates().of(room.course, later).await.unwrap();
    lms.as_user(room.admin).people().erase_person(later).await.unwrap();
    renderer.render_one(&lms, &loaded).await.unwrap();
    assert_eq!(pdfs(files.path()), 2);
}
