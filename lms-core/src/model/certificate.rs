//! Certificates: records that nothing deletes.

use chrono::NaiveDate;

use super::table::{Json, json_field, record, words};
use super::{AiLogId, CertificateId, CourseId, Percent, RowId, TemplateId, Timestamp, UserId};

words! {
    /// Where the PDF of a certificate stands (C6), beside whether the certificate is valid.
    pub enum Rendering {
        /// Not made yet; the certificate is issued all the same.
        Pending = "pending",
        /// Stored, and `certificate_url` says where.
        Ready = "ready",
        /// Could not be made; staff were told why.
        Failed = "failed",
    }
}

/// What a certificate says, as it was when it was issued (C3). Renames do not change it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CertificateSnapshot {
    /// The version of this document's shape.
    pub format: u32,
    /// The learner's name.
    pub student_name: String,
    /// The course's title.
    pub course_title: String,
    /// The instructor's name.
    pub instructor_name: String,
    /// When the course was completed; absent where staff issued earlier by hand.
    pub completed_at: Option<Timestamp>,
    /// The course score at completion (M7), if anything counted.
    pub final_score: Option<Percent>,
    /// The course's estimated minutes.
    pub estimated_minutes: Option<i64>,
    /// BCP 47.
    pub language: String,
    /// The course's IANA time zone, in which the days are that are printed.
    pub time_zone: String,
    /// The day of `completed_at`, as printed.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub completed_on: Option<NaiveDate>,
    /// The day on which it was issued, as printed.
    #[cfg_attr(feature = "schemars", schemars(with = "String"))]
    pub issued_on: NaiveDate,
    /// The day on which it ends, as printed.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub expires_on: Option<NaiveDate>,
    /// The template version.
    pub template_id: TemplateId,
}
json_field!(CertificateSnapshot);

record! {
    /// One certificate; one per course and student (C2).
    pub struct Certificate in "certificates" {
        /// The id.
        pub id: CertificateId,
        /// The course.
        pub course_id: CourseId,
        /// The learner.
        pub student_id: UserId,
        /// The template version it is made with.
        pub template_id: TemplateId,
        /// Where the PDF is, once it is.
        pub certificate_url: Option<String>,
        /// When it was issued.
        pub issued_at: Timestamp,
        /// When it ends, if it does.
        pub expires_at: Option<Timestamp>,
        /// The verification code: 16 Crockford base32 characters in groups of four.
        pub code: String,
        /// What it says.
        pub snapshot: CertificateSnapshot,
        /// 1 for the first; reissuing counts up (C5).
        pub revision_no: i64,
        /// Where the PDF stands.
        pub rendering: Rendering,
        /// Why the PDF could not be made, as a code.
        pub rendering_code: Option<String>,
        /// Why the PDF could not be made, in a sentence for staff; it may quote what the page says.
        pub rendering_error: Option<String>,
        /// SHA-256 of the PDF, in hex.
        pub pdf_sha256: Option<String>,
        /// Who issued it by hand; absent where completion did.
        pub issued_by: Option<UserId>,
        /// Why it was issued by hand.
        pub issue_reason: Option<String>,
        /// When it was revoked.
        pub revoked_at: Option<Timestamp>,
        /// By whom.
        pub revoked_by: Option<UserId>,
        /// Why.
        pub revoke_reason: Option<String>,
        /// When its holder was erased (D5).
        pub erased_at: Option<Timestamp>,
        /// When the files of all its revisions were deleted after that.
        pub files_deleted_at: Option<Timestamp>,
        /// The row's version.
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

record! {
    /// An earlier state of a certificate that was reissued (C5).
    pub struct CertificateRevision in "certificate_revisions" {
        /// The row's id.
        pub id: RowId,
        /// The certificate.
        pub certificate_id: CertificateId,
        /// Which revision this was.
        pub revision_no: i64,
        /// What it said.
        pub snapshot: CertificateSnapshot,
        /// When it was issued.
        pub issued_at: Timestamp,
        /// Where its PDF is.
        pub certificate_url: Option<String>,
        /// Why it was replaced.
        pub reason: String,
        /// When the row was made.
        pub created_at: Timestamp,
    }
}

record! {
    /// One version of a certificate template (C7). Old certificates keep theirs.
    pub struct CertificateTemplate in "certificate_templates" {
        /// The id of this version.
        pub id: TemplateId,
        /// The template that this is a version of.
        pub family_id: TemplateId,
        /// 1 for the first.
        pub version_no: i64,
        /// A name for staff.
        pub name: String,
        /// What it shows; the certificates crate reads it.
        pub document: Json,
        /// Whether it waits for a person to accept it; no course can take it until then.
        pub is_draft: bool,
        /// Whether AI wrote its copy (L4).
        pub is_ai_generated: bool,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When a person first edited what AI wrote.
        pub ai_edited_at: Option<Timestamp>,
        /// When it was archived.
        pub archived_at: Option<Timestamp>,
        /// The row's version; that of the template is `version_no`.
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed: a draft was accepted, or the version archived.
        pub updated_at: Timestamp,
    }
}
