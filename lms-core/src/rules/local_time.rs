//! Dates as people write them, in their own zone, as instants (S4).

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use crate::model::Timestamp;

/// Why a text is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalTimeError {
    /// It is neither a date nor a date with a time.
    #[error("write a date (2026-10-25), or a date and a time (2026-10-25T14:30)")]
    NoDate,
    /// It says no zone, and none is given.
    #[error("say in which time zone, as an IANA name (Europe/Berlin)")]
    NoZone,
    /// The zone is none of IANA's.
    #[error("there is no such IANA time zone")]
    UnknownZone,
    /// It is outside the years that the library keeps.
    #[error("the year is out of range")]
    OutOfRange,
}

/// The instant of a date, or of a date and time, in an IANA zone: of `2026-10-25` alone the last second of
/// that day, 23:59:59. A text with an offset of its own (`2026-10-25T14:30:00+01:00`) needs no zone.
///
/// A local time that the clocks skip moves forward by the gap; one that they show twice is the later of the
/// two. Zones are those that the library carries, never the machine's.
///
/// ```
/// use lms_core::rules::local_time::instant;
///
/// let due = instant("2026-10-25", Some("Europe/Berlin"))?;
/// assert_eq!(due, instant("2026-10-25T22:59:59Z", None)?);
/// # Ok::<(), lms_core::rules::local_time::LocalTimeError>(())
/// ```
///
/// # Errors
/// Names what the text lacks.
pub fn instant(text: &str, zone: Option<&str>) -> Result<Timestamp, LocalTimeError> {
    let text = text.trim();
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return of_utc(at.with_timezone(&Utc));
    }
    let local = local(text).ok_or(LocalTimeError::NoDate)?;
    let zone: Tz = zone.ok_or(LocalTimeError::NoZone)?.parse().map_err(|_| LocalTimeError::UnknownZone)?;
    resolve(local, zone)
}

/// The instant so many days later, or earlier, at the same local time of a zone.
///
/// # Errors
/// For an unknown zone, and outside the years that the library keeps.
pub fn plus_days(at: Timestamp, days: i64, zone: &str) -> Result<Timestamp, LocalTimeError> {
    let zone: Tz = zone.parse().map_err(|_| LocalTimeError::UnknownZone)?;
    let local = at.datetime().with_timezone(&zone).naive_local();
    let count = Days::new(days.unsigned_abs());
    let moved = if days < 0 { local.checked_sub_days(count) } else { local.checked_add_days(count) };
    resolve(moved.ok_or(LocalTimeError::OutOfRange)?, zone)
}

fn local(text: &str) -> Option<NaiveDateTime> {
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return date.and_hms_opt(23, 59, 59);
    }
    let (date, time) = text.split_once(['T', ' '])?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    let time = ["%H:%M", "%H:%M:%S", "%H:%M:%S%.f"].iter().find_map(|f| NaiveTime::parse_from_str(time, f).ok())?;
    Some(date.and_time(time))
}

fn resolve(local: NaiveDateTime, zone: Tz) -> Result<Timestamp, LocalTimeError> {
    let found = zone.from_local_datetime(&local);
    let utc = match found.latest() {
        Some(at) => at.naive_utc(),
        None => {
            // In a gap the offset that was in force before it moves the time forward by as much as was skipped.
            let before = local - chrono::Duration::days(1);
            let offset = zone.offset_from_utc_datetime(&before).fix();
            local.checked_sub_offset(offset).ok_or(LocalTimeError::OutOfRange)?
        }
    };
    of_utc(utc.and_utc())
}

/// The day of an instant in an IANA zone; in UTC where there is no such zone.
pub fn day(at: Timestamp, zone: &str) -> NaiveDate {
    at.datetime().with_timezone(&zone.parse().unwrap_or(Tz::UTC)).date_naive()
}

fn of_utc(at: chrono::DateTime<Utc>) -> Result<Timestamp, LocalTimeError> {
    Timestamp::from_micros(at.timestamp_micros()).ok_or(LocalTimeError::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str, zone: &str) -> String {
        instant(text, Some(zone)).map(shown).unwrap_or_else(|e| format!("{e:?}"))
    }

    fn shown(at: Timestamp) -> String {
        at.to_string().replace(".000000", "")
    }

    #[test]
    fn c6_a_day_is_that_of_its_zone() {
        let at = instant("2026-03-14T23:30:00Z", None).unwrap();
        let days = ["UTC", "Asia/Tokyo", "America/New_York", "Nowhere/At_All"].map(|zone| day(at, zone).to_string());
        assert_eq!(days, ["2026-03-14", "2026-03-15", "2026-03-14", "2026-03-14"]);
    }

    #[test]
    fn s4_a_date_alone_is_the_end_of_that_day_there() {
        assert_eq!(of("2026-10-25", "Europe/Berlin"), "2026-10-25T22:59:59Z");
        assert_eq!(of("2026-03-29", "Europe/Berlin"), "2026-03-29T21:59:59Z");
        assert_eq!(of("2026-07-01", "UTC"), "2026-07-01T23:59:59Z");
        assert_eq!(of("2026-07-01", "America/New_York"), "2026-07-02T03:59:59Z");
    }

    #[test]
    fn s4_gaps_move_forward_and_the_second_of_two_counts() {
        // 02:30 does not exist in Berlin on 29 March 2026: it is 03:30 summer time.
        assert_eq!(of("2026-03-29T02:30", "Europe/Berlin"), "2026-03-29T01:30:00Z");
        assert_eq!(of("2026-03-29T03:30", "Europe/Berlin"), "2026-03-29T01:30:00Z");
        // 02:30 exists twice on 25 October 2026: the later one is in winter time.
        assert_eq!(of("2026-10-25T02:30", "Europe/Berlin"), "2026-10-25T01:30:00Z");
        // Midnight itself is skipped in Beirut, and half an hour on Lord Howe Island.
        assert_eq!(of("2026-03-29T00:15", "Asia/Beirut"), "2026-03-28T22:15:00Z");
        assert_eq!(of("2026-10-04T02:10", "Australia/Lord_Howe"), "2026-10-03T15:40:00Z");
    }

    #[test]
    fn s4_without_a_zone_there_is_no_instant() {
        assert_eq!(instant("2026-10-25", None), Err(LocalTimeError::NoZone));
        assert_eq!(instant("2026-10-25T10:00", None), Err(LocalTimeError::NoZone));
        assert_eq!(instant("2026-10-25", Some("Europe/Nowhere")), Err(LocalTimeError::UnknownZone));
        for text in ["", "tomorrow", "2026-02-30", "2026-10-25T25:00", "25.10.2026"] {
            assert_eq!(instant(text, Some("UTC")), Err(LocalTimeError::NoDate), "{text}");
        }
        assert_eq!(shown(instant("2026-10-25T10:00:00+02:00", None).unwrap()), "2026-10-25T08:00:00Z");
    }

    #[test]
    fn o6_days_are_added_in_local_time() {
        let at = instant("2026-03-28T09:00", Some("Europe/Berlin")).unwrap();
        assert_eq!(shown(plus_days(at, 1, "Europe/Berlin").unwrap()), "2026-03-29T07:00:00Z", "nine o'clock still");
        assert_eq!(shown(plus_days(at, -1, "Europe/Berlin").unwrap()), "2026-03-27T08:00:00Z");
        assert_eq!(plus_days(at, i64::MAX, "UTC"), Err(LocalTimeError::OutOfRange));
    }

    proptest! {
        #[test]
        fn s4_no_text_panics(text in "\\PC{0,30}", zone in "\\PC{0,20}") {
            let _ = instant(&text, Some(&zone));
        }

        /// An instant read back in its zone is the local time that was meant, but for gaps and the first of two.
        #[test]
        fn s4_an_instant_read_back_is_what_was_meant(minutes in 0i64..60 * 24 * 366 * 4, n in 0usize..6) {
            let zones =
                ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Asia/Beirut"];
            let zone: Tz = zones[n].parse().unwrap();
            let local = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap()
                + chrono::Duration::minutes(minutes);
            let at = instant(&local.format("%Y-%m-%dT%H:%M").to_string(), Some(zones[n])).unwrap();
            let back = at.datetime().with_timezone(&zone).naive_local();
            prop_assert!(back == local || (zone.from_local_datetime(&local).earliest().is_none() && back > local));
        }
    }
}
