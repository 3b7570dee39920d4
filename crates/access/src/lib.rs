//! Who a client is and what it may do: password files, tokens, rules.
