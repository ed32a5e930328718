"""What all answers share, without Flask: errors, headers, parameters, access control and rate limit."""
