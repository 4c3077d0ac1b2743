"""The `roadwarden` commands, one file a group: options, exit codes and one line per error, nothing more."""
