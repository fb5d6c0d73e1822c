//! One binary with every test, so that they share one server. Each topic is a file, each attack a file under `attack`.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod harness;
