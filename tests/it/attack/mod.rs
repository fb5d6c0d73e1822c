//! Attacks, a file each. Each first shows that it works where the defence is off, then that it fails with ours.
//! Attackers are plain roles on connections of their own.

mod copying;
mod crash;
mod cursors;
mod discard_all;
mod escalation;
mod exemption;
mod explain;
mod foreign_key;
mod forged_setting;
mod isolation;
mod leaky_function;
mod library_absent;
mod native_policy;
mod opening_view;
mod owner;
mod parallel_worker;
mod pool_reuse;
mod pooler;
mod public_execute;
mod publication;
mod race;
mod reinstall;
mod replay;
mod savepoint;
mod search_path;
mod security_definer;
mod set_role;
mod stored_expression;
mod temp_objects;
mod trigger;
mod truncate;
mod two_phase;
mod unendable;
mod views;
mod wall_clock;
