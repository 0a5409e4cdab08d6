"""The shell, a small bash: lexer, grammar, expansion, execution, line editing, builtins."""
