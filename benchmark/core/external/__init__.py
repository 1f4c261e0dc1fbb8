"""External models: parse specifiers, import plugins, run programs, read finished outputs."""
