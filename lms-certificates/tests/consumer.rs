//! The worker that makes the PDFs, and deletes those of erased people.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lms_certificates::{Fonts, Images, RenderError, Renderer};
use lms_core::Lms;
use lms_core::assets::{AssetError, Assets, Folder};
use lms_core::lms::{Consumer, UpdateCourse};
use lms_core::model::{Certificate, CertificateId, Rendering, TemplateDocument, User, UserId};
use lms_core::store::{ById, Change, Store as _, WriteBatch};
use lms_core::testing::Classroom;
use lms_store_sqlite::SqliteStore;

fn pdfs(root: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(root) else { return 0 };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { pdfs(&path) } else { usize::from(path.extension().is_some_and(|e| e == "pdf")) })
        .sum()
}

/// One step, while the lease is held.
async fn step(renderer: &Renderer, lms: &Lms) -> Result<usize, lms_core::Error> {
    let lease = lms.lease(renderer.name()).await.unwrap().unwrap();
    let done = renderer.step(lms, &lease).await;
    lease.release().await.unwrap();
    done
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
    let renderer = Renderer::new("Academy", Fonts::built_in()).unwrap();
    assert_eq!(step(&renderer, &lms).await.unwrap(), 3);
    assert_eq!(pdfs(files.path()), 3);
    let gone = *room.students.first().unwrap();
    let stays = lms.system().certificates().of(room.course, *room.students.last().unwrap()).await.unwrap();
    lms.as_user(room.admin).people().erase_person(gone).await.unwrap();
    assert_eq!(pdfs(files.path()), 3, "the transaction touches no file");
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    assert_eq!(pdfs(files.path()), 2);
    assert!(Path::new(&stays.certificate_url.unwrap()).is_file(), "another's stays");
    assert_eq!(step(&renderer, &lms).await.unwrap(), 0, "once");
    let blank = lms.system().certificates().of(room.course, gone).await.unwrap();
    assert_eq!((blank.certificate_url, blank.pdf_sha256), (None, None));

    assert!(blank.files_deleted_at.is_some());

    // Erased before its page was made: none is made, and its folder is looked after all the same.
    let late = room.new_student("Late").await.unwrap();
    lms.as_user(late).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    lms.as_user(room.admin).people().erase_person(late).await.unwrap();
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    assert_eq!(pdfs(files.path()), 2);
    // Erased while it was made: it is thrown away.
    let later = room.new_student("Later").await.unwrap();
    lms.as_user(later).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    let loaded = lms.system().certificates().of(room.course, later).await.unwrap();
    lms.as_user(room.admin).people().erase_person(later).await.unwrap();
    renderer.render_one(&lms, &loaded).await.unwrap();
    assert_eq!(pdfs(files.path()), 2);
}

/// A course that one learner has completed, and the certificate.
async fn completed(lms: &Lms) -> (Classroom, Certificate) {
    lms.migrate().await.unwrap();
    let room = Classroom::build(lms, 1, 1).await.unwrap();
    room.student(0).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    let certificate = stands(lms, &room).await;
    (room, certificate)
}

async fn stands(lms: &Lms, room: &Classroom) -> Certificate {
    lms.system().certificates().of(room.course, *room.students.first().unwrap()).await.unwrap()
}

async fn stands_pending(lms: &Lms) -> Vec<Certificate> {
    lms.system().certificates().renderings(None, Rendering::Pending, ById::default()).await.unwrap()
}

/// Files whose folder is written, and the answer lost: as when the process dies before the row is.
struct Killed(Folder);

#[async_trait::async_trait]
impl Assets for Killed {
    async fn put(&self, key: &str, bytes: Vec<u8>, media_type: &str) -> Result<String, AssetError> {
        self.0.put(key, bytes, media_type).await?;
        Err(AssetError { key: key.to_owned(), message: "killed".to_owned() })
    }
    async fn delete_folder(&self, folder: &str) -> Result<(), AssetError> {
        self.0.delete_folder(folder).await
    }
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AssetError> {
        self.0.get(key).await
    }
}

/// rules: D5, C5
#[tokio::test]
async fn d5_no_file_of_an_erased_person_is_forgotten() {
    let files = tempfile::tempdir().unwrap();
    let renderer = Renderer::new("Academy", Fonts::built_in()).unwrap();
    // Reissued, so that the row tells of no file.
    let lms = Lms::builder(SqliteStore::in_memory().await.unwrap()).assets(Folder::new(files.path())).build();
    let (room, _) = completed(&lms).await;
    let who = *room.students.first().unwrap();
    step(&renderer, &lms).await.unwrap();
    room.teacher().certificates().reissue(room.course, who, "a name").await.unwrap();
    assert_eq!(pdfs(files.path()), 1);
    lms.as_user(room.admin).people().erase_person(who).await.unwrap();
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    assert_eq!(pdfs(files.path()), 0);

    // Stored, and the process killed before the row said so.
    let killed = Killed(Folder::new(files.path()));
    let lms = Lms::builder(SqliteStore::in_memory().await.unwrap()).assets(killed).build();
    let (room, before) = completed(&lms).await;
    step(&renderer, &lms).await.unwrap_err();
    assert_eq!((pdfs(files.path()), stands(&lms, &room).await), (1, before));
    lms.as_user(room.admin).people().erase_person(*room.students.first().unwrap()).await.unwrap();
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    assert_eq!(pdfs(files.path()), 0);
    assert_eq!(step(&renderer, &lms).await.unwrap(), 0, "once");
}

/// rules: C6, D5
#[tokio::test]
async fn c6_nowhere_to_put_files_is_no_failure_of_the_page() {
    let files = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let renderer = Renderer::new("Academy", Fonts::built_in()).unwrap();
    let nowhere = Lms::builder(store.clone()).build();
    let (room, before) = completed(&nowhere).await;
    assert_eq!(step(&renderer, &nowhere).await.unwrap_err().code(), "asset.failed");
    assert_eq!(stands(&nowhere, &room).await, before, "it is pending still");
    let lms = Lms::builder(store).assets(Folder::new(files.path())).build();
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    assert_eq!(stands(&lms, &room).await.rendering, Rendering::Ready);
    // Nothing is taken for deleted where no file can be.
    lms.as_user(room.admin).people().erase_person(*room.students.first().unwrap()).await.unwrap();
    assert_eq!(step(&renderer, &nowhere).await.unwrap_err().code(), "asset.failed");
    assert_eq!(pdfs(files.path()), 1);
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    assert_eq!(pdfs(files.path()), 0);
}

/// rules: C6
#[tokio::test]
async fn c6_a_page_that_cannot_be_made_says_why_and_is_tried_again_when_staff_say_so() {
    let files = tempfile::tempdir().unwrap();
    let folder = Folder::new(files.path());
    let lms = Lms::builder(SqliteStore::in_memory().await.unwrap()).assets(folder.clone()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 1, 1).await.unwrap();
    let document = TemplateDocument { logo_asset: Some("logos/school.png".into()), ..TemplateDocument::default() };
    let admin = lms.as_user(room.admin);
    let template = admin.certificates().save_template(None, "With a logo", document).await.unwrap();
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, certificate_template_id: Some(Some(template.id)), ..UpdateCourse::default() };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
    room.student(0).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    let renderer = Renderer::new("Academy", Fonts::built_in()).unwrap();
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    let failed = stands(&lms, &room).await;
    assert_eq!((failed.rendering, failed.rendering_code.as_deref()), (Rendering::Failed, Some("render.image_missing")));
    assert!(failed.rendering_error.unwrap().contains("logos/school.png"));
    assert_eq!(step(&renderer, &lms).await.unwrap(), 0, "it is not tried for ever");
    let mut png = Vec::new();
    {
        let mut encoder = png::Encoder::new(&mut png, 1, 1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&[1, 2, 3]).unwrap();
    }
    folder.put("logos/school.png", png, "image/png").await.unwrap();
    let who = *room.students.first().unwrap();
    room.teacher().certificates().retry_rendering(room.course, who).await.unwrap();
    assert_eq!(step(&renderer, &lms).await.unwrap(), 1);
    assert_eq!(stands(&lms, &room).await.rendering, Rendering::Ready);
}

/// Every code of a failed rendering stands in docs/errors.md, and no other.
#[test]
fn c6_every_code_of_a_failed_rendering_stands_on_the_page() {
    let page = include_str!("../../docs/errors.md");
    let (_, section) = page.split_once("## Codes of `certificate_failed`").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let codes = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(code, _)| code));
    let (mut page, mut code) = (codes.collect::<Vec<_>>(), RenderError::CODES.to_vec());
    page.sort_unstable();
    code.sort_unstable();
    assert_eq!(page, code, "left is docs/errors.md, right is RenderError::CODES");
    assert!(code.contains(&RenderError::EmptyName.code()));
}

/// A page takes long to make, and the thread that asks for it serves others meanwhile. A machine that is slow for a
/// moment has other tries.
/// rules: C6
#[tokio::test]
async fn c6_a_page_holds_no_thread_that_serves_others() {
    let files = tempfile::tempdir().unwrap();
    let lms = Lms::builder(SqliteStore::in_memory().await.unwrap()).assets(Folder::new(files.path())).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 1, 5).await.unwrap();
    let renderer = Renderer::new("Academy", Fonts::built_in()).unwrap();
    let mut tries = Vec::new();
    for n in 0..5 {
        room.student(n).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
        let pending = stands_pending(&lms).await.remove(0);
        let started = Instant::now();
        renderer.render(&pending, &TemplateDocument::default(), Images::default()).unwrap();
        let whole = started.elapsed();
        let longest = Arc::new(Mutex::new(Duration::ZERO));
        let seen = longest.clone();
        let serving = tokio::spawn(async move {
            let mut last = Instant::now();
            loop {
                tokio::task::yield_now().await;
                let mut longest = seen.lock().unwrap();
                *longest = longest.max(last.elapsed());
                last = Instant::now();
            }
        });
        tokio::task::yield_now().await;
        let ready = renderer.render_one(&lms, &pending).await.unwrap();
        assert_eq!(ready.rendering, Rendering::Ready);
        serving.abort();
        let longest = *longest.lock().unwrap();
        if longest < whole / 2 {
            return;
        }
        tries.push((longest, whole));
    }
    panic!("nobody was served for as long as a page takes: {tries:?}");
}

/// Copies of a certificate, each of another learner, with ids that follow one another.
async fn copies(store: &SqliteStore, lms: &Lms, of: &Certificate, n: u128) -> Vec<CertificateId> {
    let user = lms.system().people().user(of.student_id).await.unwrap();
    let mut batch = WriteBatch::default();
    let mut ids = Vec::new();
    for n in 1..=n {
        let id = uuid::Uuid::from_u128(of.id.uuid().as_u128() + n);
        let (student_id, code) = (UserId::from_uuid(id), format!("0000-{n:04}-TB2W-Z8RA"));
        batch.changes.push(Change::Insert(User { id: student_id, ..user.clone() }.into()));
        let copy = Certificate { id: CertificateId::from_uuid(id), student_id, code, ..of.clone() };
        batch.changes.push(Change::Insert(copy.into()));
        ids.push(CertificateId::from_uuid(id));
    }
    store.write(Arc::new(batch)).await.unwrap();
    ids
}

/// Files of which some cannot be read.
struct Unreadable(Folder);

#[async_trait::async_trait]
impl Assets for Unreadable {
    async fn put(&self, key: &str, bytes: Vec<u8>, media_type: &str) -> Result<String, AssetError> {
        self.0.put(key, bytes, media_type).await
    }
    async fn delete_folder(&self, folder: &str) -> Result<(), AssetError> {
        self.0.delete_folder(folder).await
    }
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AssetError> {
        Err(AssetError { key: key.to_owned(), message: "the disk is bad".to_owned() })
    }
}

/// However many stand before it that cannot be done now, a certificate has its turn; they are tried again, and
/// the failure is told.
/// rules: C6, V6
#[tokio::test]
async fn c6_what_fails_keeps_nothing_else_waiting() {
    let files = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let lms = Lms::builder(store.clone()).assets(Unreadable(Folder::new(files.path()))).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 1, 1).await.unwrap();
    let admin = lms.as_user(room.admin);
    let document = TemplateDocument { logo_asset: Some("logo.png".into()), ..TemplateDocument::default() };
    let template = admin.certificates().save_template(None, "With a logo", document).await.unwrap();
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, certificate_template_id: Some(Some(template.id)), ..UpdateCourse::default() };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
    room.student(0).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    let first = stands(&lms, &room).await;
    copies(&store, &lms, &first, 449).await;
    let other = Classroom::build(&lms, 1, 1).await.unwrap();
    other.student(0).learning().complete_lesson(*other.lessons.first().unwrap()).await.unwrap();
    assert!(stands(&lms, &other).await.id > first.id);

    let renderer = Renderer::new("Academy", Fonts::built_in()).unwrap();
    for _ in 0..2 {
        assert_eq!(step(&renderer, &lms).await.unwrap_err().code(), "asset.failed");
        assert_eq!(stands(&lms, &other).await.rendering, Rendering::Pending);
    }
    assert_eq!(step(&renderer, &lms).await.unwrap_err().code(), "asset.failed", "the round is over, and says so");
    assert_eq!(stands(&lms, &other).await.rendering, Rendering::Ready);
    assert_eq!(stands(&lms, &room).await, first, "nothing is said of the others: they are tried again");
    assert_eq!(step(&renderer, &lms).await.unwrap_err().code(), "asset.failed");
}

/// A row that cannot be read is passed by, and told of.
/// rules: C6
#[tokio::test]
async fn c6_a_damaged_row_keeps_no_other_waiting() {
    let files = tempfile::tempdir().unwrap();
    let store = SqliteStore::in_memory().await.unwrap();
    let lms = Lms::builder(store.clone()).assets(Folder::new(files.path())).build();
    let (room, first) = completed(&lms).await;
    let ids = copies(&store, &lms, &first, 4).await;
    let damaged = [first.id, *ids.get(1).unwrap(), *ids.last().unwrap()];
    let broken = store.transaction(move |tx| {
        for id in damaged {
            tx.execute("UPDATE certificates SET snapshot = '{}' WHERE id = ?1", [id.uuid().as_bytes().as_slice()])?;
        }
        Ok::<(), lms_store_sqlite::driver::Error>(())
    });
    broken.await.unwrap().unwrap();
    let renderer = Renderer::new("Academy", Fonts::built_in()).unwrap();
    for _ in 0..2 {
        assert_eq!(step(&renderer, &lms).await.unwrap_err().code(), "store.corrupt");
        assert_eq!(pdfs(files.path()), 2, "the two that can be read, once");
    }
    let late = room.new_student("Late").await.unwrap();
    lms.as_user(late).learning().complete_lesson(*room.lessons.first().unwrap()).await.unwrap();
    assert_eq!(step(&renderer, &lms).await.unwrap_err().code(), "store.corrupt");
    let ready = lms.system().certificates().of(room.course, late).await.unwrap();
    assert_eq!((ready.rendering, pdfs(files.path())), (Rendering::Ready, 3));
}
