//! Fields of an edit that can be taken away, as JSON.

use serde::{Deserialize, Deserializer};

/// A field that is there is given, also as null: null takes away what there was, and a field that is left out leaves
/// it. Without this serde reads both as left out.
pub(crate) fn given<'de, D, T>(field: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(field).map(Some)
}

#[cfg(test)]
mod tests {
    use crate::lms::{UpdateCourse, UpdateLesson, UpdateTopic, UpdateUser};

    /// rules: L5
    #[test]
    fn null_takes_away_and_what_is_left_out_stays() {
        let read = |json: &str| serde_json::from_str::<UpdateCourse>(json).unwrap();
        assert_eq!(read(r#"{"version": 3}"#).capacity, None);
        assert_eq!(read(r#"{"version": 3, "capacity": null}"#).capacity, Some(None));
        assert_eq!(read(r#"{"version": 3, "capacity": 7}"#).capacity, Some(Some(7)));
        let nulls = r#"{"version": 3, "thumbnail_url": null, "external_id": null, "estimated_minutes": null,
            "capacity": null, "certificate_template_id": null, "certificate_valid_days": null}"#;
        let away = UpdateCourse {
            version: 3,
            thumbnail_url: Some(None),
            external_id: Some(None),
            estimated_minutes: Some(None),
            capacity: Some(None),
            certificate_template_id: Some(None),
            certificate_valid_days: Some(None),
            ..UpdateCourse::default()
        };
        assert_eq!(read(nulls), away);
        let lesson = r#"{"version": 1, "available_from": null, "estimated_minutes": null}"#;
        let lesson: UpdateLesson = serde_json::from_str(lesson).unwrap();
        assert_eq!((lesson.available_from, lesson.estimated_minutes), (Some(None), Some(None)));
        let topic: UpdateTopic = serde_json::from_str(r#"{"version": 1, "body": null}"#).unwrap();
        assert_eq!((topic.body, topic.content_url), (Some(None), None));
        let user: UpdateUser = serde_json::from_str(r#"{"version": 1, "email": null, "external_id": null}"#).unwrap();
        assert_eq!((user.email, user.external_id), (Some(None), Some(None)));
        // And what is written is read as it was.
        for update in [away, UpdateCourse::default()] {
            assert_eq!(read(&serde_json::to_string(&update).unwrap()), update);
        }
    }
}
