//! Why a token is not accepted.

/// Why a token is not accepted: for the record of whoever trusts its issuer. Whoever brought it learns only that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// Longer than a token may be.
    TooLong,
    /// Not three parts of base64url, or not JSON objects.
    Malformed,
    /// An object names a member twice: readers differ in which one counts.
    DuplicateMember,
    /// Signed with nothing, with a shared secret, or with an algorithm that is not accepted of this issuer.
    Algorithm,
    /// Asks for an extension that is not understood.
    CriticalHeader,
    /// Does not say which key signed it.
    KeyUnnamed,
    /// Another sort of token: an access token where an identity token is wanted, or the other way round.
    Type,
    /// Of an issuer that nobody here trusts.
    IssuerUnknown,
    /// Names a key that the issuer does not have, or has no more.
    KeyUnknown,
    /// Its key is for another algorithm.
    KeyUnfit,
    /// Not signed by the key that it names.
    Signature,
    /// For somebody else.
    Audience,
    /// Given to a party that is none of the audiences.
    AuthorizedParty,
    /// Over.
    Expired,
    /// Not begun.
    NotYet,
    /// Made in the future.
    IssuedLater,
    /// Made too long ago.
    TooOld,
    /// Of another login, or of none.
    Nonce,
    /// Lacks a claim that it must have.
    ClaimMissing,
    /// A claim is of another type.
    ClaimType,
    /// A claim has not the value that is demanded.
    ClaimValue,
    /// Names nobody who can be a user.
    User,
    /// Says that somebody else acts for the user, and its issuer is no database, or whoever acts is named in another form or twice.
    Actor,
    /// Lives longer than a token of a database does.
    Lifetime,
    /// Its issuer does not speak for the application.
    Application,
    /// Was used before.
    Spent,
    /// Of a login that is over at the provider.
    LoggedOut,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 27] = [
        Self::TooLong,
        Self::Malformed,
        Self::DuplicateMember,
        Self::Algorithm,
        Self::CriticalHeader,
        Self::KeyUnnamed,
        Self::Type,
        Self::IssuerUnknown,
        Self::KeyUnknown,
        Self::KeyUnfit,
        Self::Signature,
        Self::Audience,
        Self::AuthorizedParty,
        Self::Expired,
        Self::NotYet,
        Self::IssuedLater,
        Self::TooOld,
        Self::Nonce,
        Self::ClaimMissing,
        Self::ClaimType,
        Self::ClaimValue,
        Self::User,
        Self::Actor,
        Self::Lifetime,
        Self::Application,
        Self::Spent,
        Self::LoggedOut,
    ];

    /// A word for it that stays the same.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::DuplicateMember => "duplicate_member",
            Self::Algorithm => "algorithm",
            Self::CriticalHeader => "critical_header",
            Self::KeyUnnamed => "key_unnamed",
            Self::Type => "type",
            Self::IssuerUnknown => "issuer_unknown",
            Self::KeyUnknown => "key_unknown",
            Self::KeyUnfit => "key_unfit",
            Self::Signature => "signature",
            Self::Audience => "audience",
            Self::AuthorizedParty => "authorized_party",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::IssuedLater => "issued_later",
            Self::TooOld => "too_old",
            Self::Nonce => "nonce",
            Self::ClaimMissing => "claim_missing",
            Self::ClaimType => "claim_type",
            Self::ClaimValue => "claim_value",
            Self::User => "user",
            Self::Actor => "actor",
            Self::Lifetime => "lifetime",
            Self::Application => "application",
            Self::Spent => "spent",
            Self::LoggedOut => "logged_out",
        }
    }
}
