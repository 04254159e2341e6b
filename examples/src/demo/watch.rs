//! A subscriber that shows the live events as it receives them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use lms_core::Lms;
use lms_core::live::{LiveEvent, LiveStream};
use lms_core::model::{EventKind, SubjectType, UserId};
use lms_core::store::EventFilter;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Failure;
use crate::output::{Screen, wrapped};

/// How long events of one kind are gathered into one line.
const GATHER: Duration = Duration::from_millis(300);
/// How wide the lines are.
const WIDTH: usize = 90;

/// A subscription that runs beside the work.
///
/// Events that belong together are one line, so that a person can follow hundreds of them; what a
/// learner would celebrate has a line of its own.
#[derive(Debug)]
pub struct Watch {
    lms: Lms,
    ask: mpsc::Sender<(i64, oneshot::Sender<usize>)>,
}

impl Watch {
    /// Subscribes to what comes from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(lms: &Lms, screen: &Screen) -> Result<Self, Failure> {
        let events = lms.live().events(&lms.system(), EventFilter::default(), None).await?;
        // What was there before is never received, and so never waited for.
        let last = lms.settle().await?;
        let (ask, asked) = mpsc::channel(1);
        let printer = Printer {
            lms: lms.clone(),
            screen: screen.clone(),
            names: BTreeMap::new(),
            group: None,
            received: 0,
            last,
        };
        tokio::spawn(printer.run(events, asked));
        Ok(Self { lms: lms.clone(), ask })
    }

    /// Waits until the subscriber has received and shown all that is committed by now; how many events
    /// that were since it began.
    ///
    /// # Errors
    /// When the store or the subscription fails.
    pub async fn caught_up(&self) -> Result<usize, Failure> {
        let head = self.lms.settle().await?;
        let (answer, answered) = oneshot::channel();
        self.ask.send((head, answer)).await.map_err(|_| "the subscription has ended")?;
        answered.await.map_err(|_| "the subscription has ended".into())
    }
}

/// What is gathered for one line.
struct Group {
    student: Option<UserId>,
    first: i64,
    last: i64,
    counts: Vec<(String, usize)>,
    until: Instant,
}

struct Printer {
    lms: Lms,
    screen: Screen,
    names: BTreeMap<UserId, String>,
    group: Option<Group>,
    received: usize,
    last: i64,
}

impl Printer {
    async fn run(
        mut self,
        mut events: LiveStream<LiveEvent>,
        mut asked: mpsc::Receiver<(i64, oneshot::Sender<usize>)>,
    ) {
        let mut waiting: Option<(i64, oneshot::Sender<usize>)> = None;
        loop {
            if let Some((_, answer)) = waiting.take_if(|(position, _)| *position <= self.last) {
                self.flush().await;
                let _ = answer.send(self.received);
            }
            let until = self.group.as_ref().map_or_else(|| Instant::now() + GATHER, |group| group.until);
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => self.take(event).await,
                    Some(Err(_)) | None => return,
                },
                question = asked.recv(), if waiting.is_none() => match question {
                    Some(question) => waiting = Some(question),
                    None => return,
                },
                () = tokio::time::sleep_until(until), if self.group.is_some() => self.flush().await,
            }
        }
    }

    async fn take(&mut self, live: LiveEvent) {
        let (position, event) = (live.event.position, live.event.event);
        self.received += 1;
        self.last = self.last.max(position);
        let milestone = is_milestone(&event.kind, event.subject_type);
        if milestone || self.group.as_ref().is_some_and(|group| group.student != event.student_id) {
            self.flush().await;
        }
        let word = match event.student_id {
            Some(_) => event.kind.as_str().to_owned(),
            None => format!("{} {}", event.kind.as_str(), event.subject_type),
        };
        let group = self.group.get_or_insert_with(|| Group {
            student: event.student_id,
            first: position,
            last: position,
            counts: Vec::new(),
            until: Instant::now() + GATHER,
        });
        group.last = position;
        match group.counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => group.counts.push((word, 1)),
        }
        if milestone {
            self.flush().await;
        }
    }

    /// Shows what is gathered.
    async fn flush(&mut self) {
        let Some(group) = self.group.take() else { return };
        let range = if group.first == group.last {
            group.first.to_string()
        } else {
            format!("{}–{}", group.first, group.last)
        };
        let mut whose = match group.student {
            Some(student) => format!("{}: ", self.name(student).await),
            None => String::new(),
        };
        // The name stands before the first word, and is wrapped with it.
        let words: Vec<String> = group
            .counts
            .into_iter()
            .map(|(word, count)| if count == 1 { word } else { format!("{count} × {word}") })
            .map(|word| std::mem::take(&mut whose) + &word)
            .collect();
        self.screen.line(format!("   live {range:>11}  {}", wrapped(&words, 21, WIDTH)));
    }

    async fn name(&mut self, student: UserId) -> String {
        if let Some(name) = self.names.get(&student) {
            return name.clone();
        }
        let found = self.lms.system().people().user(student).await;
        let name = found.map_or_else(|_| "a learner".to_owned(), |user| user.display_name);
        self.names.insert(student, name.clone());
        name
    }
}

/// What stands alone on its line.
fn is_milestone(kind: &EventKind, subject: SubjectType) -> bool {
    matches!(kind, EventKind::CourseCompleted | EventKind::CertificateIssued | EventKind::CertificateReady)
        || (*kind == EventKind::AiGenerated && subject != SubjectType::Topic && subject != SubjectType::Quiz)
}
