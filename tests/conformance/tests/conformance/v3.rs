//! MQTT 3.1.1 and 3.1, by the chapters of the specification.

mod connect;
