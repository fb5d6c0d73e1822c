//! Import of Oracle's dictionary: what becomes of realistic dumps, of bad ones and of hostile ones. The generated script is run
//! against a server in the tests over the wire.

#[cfg(test)]
mod bad_dump;
#[cfg(test)]
mod form;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod sample;

use vpd_text::oracle::View;
use vpd_text::oracle::report::Finding;
use vpd_text::oracle::{Import, Source, import};

/// Header of a dump of DBA_POLICIES.
pub const HEADER: &str = "OBJECT_OWNER,OBJECT_NAME,POLICY_GROUP,POLICY_NAME,PF_OWNER,PACKAGE,FUNCTION,SEL,INS,UPD,DEL,IDX,CHK_OPTION,ENABLE,POLICY_TYPE,LONG_PREDICATE";
/// A line of it.
pub const POLICY: &str = "HR,EMP,SYS_DEFAULT,P,HR,,F,YES,NO,NO,NO,NO,NO,YES,DYNAMIC,NO";

/// A dump in memory.
pub fn source(view: View, content: impl Into<Vec<u8>>) -> Source {
    Source {
        view,
        file: format!("{}.csv", view.file_stem()),
        content: content.into(),
    }
}

/// An import of policies alone.
pub fn policies(content: impl Into<Vec<u8>>) -> Import {
    import(&[source(View::Policies, content)], false)
}

/// The findings of a kind.
pub fn findings<'a>(import: &'a Import, code: &str) -> Vec<&'a Finding> {
    import
        .report
        .findings
        .iter()
        .filter(|finding| finding.code == code)
        .collect()
}
