/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `sluice key` changes keys: the body goes to the running server, which answers when all its
 * workers know; where none runs, the database is changed here, by the same function.
 */
#ifndef SLUICE_CLI_KEY_CHANGE_H
#define SLUICE_CLI_KEY_CHANGE_H

#include "cli/arguments.h"
#include "codec/json_write.h"
#include "gateway/key_api.h"

/* The members of limits that the command line names: --cap-usd and its period, --rpm and so on.
 * False: a mistake was said, and the exit code is EXIT_CODE_USAGE. */
MUST_USE bool key_write_limits(const struct arguments *arguments, struct json_writer *w);

/* Does it. EXIT_CODE_OK: *answer is JSON (release it). Otherwise what is wrong was said. */
int key_change(const struct arguments *arguments, enum key_operation operation, struct slice body,
               struct buf *answer);

/* "$10.00 a month, 60 requests a minute" from the answer's members; "none" without limits. */
void key_put_limits(const struct scope_limits *limits, struct buf *out);

#endif
