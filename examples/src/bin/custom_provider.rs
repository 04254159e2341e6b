//! A provider of one's own: here a notebook that answers from memory, without a network, on SQLite in memory.
//!
//! ```sh
//! cargo run -p lms-examples --bin custom_provider
//! ```

use async_trait::async_trait;
use lms_ai::provider::guarded;
use lms_ai::{About, Ai, CourseBrief, task::OutlineBrief};
use lms_core::Lms;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, Price, ProviderError, Stop, Usage};
use lms_core::lms::NewUser;
use lms_core::model::Role;
use lms_examples::demo::Failure;
use lms_store_sqlite::SqliteStore;

/// Answers with the one outline that it knows.
struct Notebook;

#[async_trait]
impl AiProvider for Notebook {
    fn name(&self) -> &str {
        "notebook"
    }

    fn profile(&self, _model: &str) -> ModelProfile {
        ModelProfile { native_schema: false, thinking_by_default: false, max_output: 8_000, price: Price::default() }
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        // What a service would be sent: its system text, and one message, in which others' words are quoted.
        let sent = request.system.len() + request.user_text().len();
        Ok(AiResponse {
            text: include_str!("../../data/outline.json").to_owned(),
            model: request.model.clone(),
            stop: Stop::Complete,
            raw_stop: "done".to_owned(),
            usage: Usage { input: sent as u64 / 4, output: 300, ..Usage::default() },
            request_id: None,
            message_id: None,
            latency: std::time::Duration::ZERO,
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let lms = Lms::builder(SqliteStore::in_memory().await?).build();
    lms.migrate().await?;
    let teacher = lms.system().people().ensure_user(NewUser::new(Role::Instructor, "Ada")).await?;
    let teacher = lms.as_user(teacher.id);
    let outline = OutlineBrief { topic: "Bread".to_owned(), minutes: 60, ..OutlineBrief::default() };
    let brief = CourseBrief { outline, ..CourseBrief::default() };
    let ai = Ai::new(lms.clone(), guarded(Notebook), "page-1");
    let made = ai.create_course(&teacher, &brief, About::default()).await?;
    let course = teacher.catalog().course(made.course_id).await?;
    println!("{} wrote `{}` with {} lessons", ai.provider_name(), course.title, made.lessons.len());
    Ok(())
}
