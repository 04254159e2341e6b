//! Tasks whose answer is shown before it is written: what may be dropped of it, and how what was asked is
//! read back from the log.

use std::collections::BTreeSet;

use lms_core::ai::Part;
use serde::de::DeserializeOwned;

use super::{
    AssignmentIn, AssignmentOut, AssignmentTask, BodyIn, BodyOut, BodyTask, CertificateIn, CertificateTask,
    CriterionRedoIn, CriterionRedoTask, OutlineIn, OutlineOut, OutlineTask, QuestionRedoIn, QuestionRedoTask, QuizIn,
    QuizOut, QuizTask, SolveIn, SolveTask,
};
use crate::task_trait::AiTask;

/// A task whose answer may wait in the log as a proposal.
pub trait Proposable: AiTask {
    /// The lists that items may be dropped from, as JSON pointers in which `*` stands for a place.
    const DROPPABLE: &'static [&'static str];

    /// What was asked, from the parts of the prompt; `None` where they are not those of this task.
    ///
    /// Settings that no prompt shows, as the size of the call, are the defaults.
    fn restore(parts: &[Part]) -> Option<Self::In>;

    /// After items were dropped: what hangs on them goes, too, and what is asked is counted by what is left.
    fn settle(_input: &mut Self::In, _out: &mut Self::Out) {}
}

pub(crate) fn part<'a>(parts: &'a [Part], label: &str) -> Option<&'a str> {
    parts.iter().find(|p| p.label == label).map(|p| p.text.as_str())
}

fn json<T: DeserializeOwned>(parts: &[Part], label: &str) -> Option<T> {
    serde_json::from_str(part(parts, label)?).ok()
}

fn source(parts: &[Part]) -> String {
    part(parts, "source").unwrap_or_default().to_owned()
}

impl Proposable for OutlineTask {
    const DROPPABLE: &'static [&'static str] = &["/lessons/*", "/lessons/*/topics/*", "/objectives/*"];

    fn restore(parts: &[Part]) -> Option<OutlineIn> {
        let mut input: OutlineIn = json(parts, "brief")?;
        if part(parts, "source").is_some() {
            input.source = json(parts, "source")?;
        }
        Some(input)
    }

    fn settle(input: &mut OutlineIn, out: &mut OutlineOut) {
        let known: BTreeSet<String> = out.objectives.iter().map(|o| o.key.clone()).collect();
        for lesson in &mut out.lessons {
            lesson.objective_keys.retain(|key| known.contains(key));
        }
        let served: BTreeSet<&String> = out.lessons.iter().flat_map(|l| &l.objective_keys).collect();
        out.objectives.retain(|o| served.contains(&o.key));
        let (brief, bounds) = (&mut input.brief, &mut input.bounds);
        brief.min_lessons = brief.min_lessons.min(out.lessons.len()).max(1);
        bounds.min_objectives = bounds.min_objectives.min(out.objectives.len());
        // What was dropped takes its minutes along.
        brief.minutes = 0;
    }
}

impl Proposable for BodyTask {
    const DROPPABLE: &'static [&'static str] = &["/key_points/*", "/glossary/*"];

    fn restore(parts: &[Part]) -> Option<BodyIn> {
        let mut input: BodyIn = json(parts, "slice")?;
        input.source = source(parts);
        Some(input)
    }

    fn settle(input: &mut BodyIn, out: &mut BodyOut) {
        input.bounds.min_key_points = input.bounds.min_key_points.min(out.key_points.len());
    }
}

impl Proposable for QuizTask {
    const DROPPABLE: &'static [&'static str] = &["/questions/*"];

    fn restore(parts: &[Part]) -> Option<QuizIn> {
        let mut input: QuizIn = json(parts, "task")?;
        input.lesson_markdown = source(parts);
        Some(input)
    }

    fn settle(input: &mut QuizIn, out: &mut QuizOut) {
        input.count = out.questions.len().max(1);
    }
}

impl Proposable for AssignmentTask {
    const DROPPABLE: &'static [&'static str] = &["/criteria/*"];

    fn restore(parts: &[Part]) -> Option<AssignmentIn> {
        let mut input: AssignmentIn = json(parts, "task")?;
        input.source = source(parts);
        Some(input)
    }

    fn settle(input: &mut AssignmentIn, out: &mut AssignmentOut) {
        input.max_points = out.criteria.iter().fold(0, |sum, c| c.max_points.saturating_add(sum));
        input.bounds.min_criteria = input.bounds.min_criteria.min(out.criteria.len()).max(1);
    }
}

impl Proposable for CertificateTask {
    const DROPPABLE: &'static [&'static str] = &["/skills/*"];

    fn restore(parts: &[Part]) -> Option<CertificateIn> {
        json(parts, "task")
    }
}

impl Proposable for QuestionRedoTask {
    const DROPPABLE: &'static [&'static str] = &[];

    fn restore(parts: &[Part]) -> Option<QuestionRedoIn> {
        let mut input: QuestionRedoIn = json(parts, "task")?;
        input.quiz.lesson_markdown = source(parts);
        Some(input)
    }
}

impl Proposable for CriterionRedoTask {
    const DROPPABLE: &'static [&'static str] = &[];

    fn restore(parts: &[Part]) -> Option<CriterionRedoIn> {
        let mut input: CriterionRedoIn = json(parts, "task")?;
        input.assignment.source = source(parts);
        Some(input)
    }
}

impl Proposable for SolveTask {
    const DROPPABLE: &'static [&'static str] = &[];

    fn restore(parts: &[Part]) -> Option<SolveIn> {
        let mut input: SolveIn = json(parts, "task")?;
        input.lesson_markdown = source(parts);
        Some(input)
    }
}
