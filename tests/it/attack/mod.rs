//! Attacks, a file each. Each first shows that it works where the defence is off, then that it fails with ours.
//! Attackers are plain roles on connections of their own.

mod copying;
mod crash;
mod cursors;
mod discard_all;
mod escalation;
mod exemption;
mod explain;
mod forged_setting;
mod isolation;
mod leaky_function;
mod library_absent;
mod owner;
mod parallel_worker;
mod pool_reuse;
mod public_execute;
mod race;
mod reinstall;
mod replay;
mod savepoint;
mod search_path;
mod security_definer;
mod set_role;
mod temp_objects;
mod truncate;
mod two_phase;
mod unendable;
mod views;
mod wall_clock;
