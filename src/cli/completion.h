/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completions, written from the rows of the commands. */
#ifndef SLUICE_CLI_COMPLETION_H
#define SLUICE_CLI_COMPLETION_H

#include "cli/command.h"

void completion_write_bash(struct buf *out);
void completion_write_fish(struct buf *out);
void completion_write_zsh(struct buf *out);

/* For the three of them. */
/* The first word of a command's name, and what follows it (empty: the command is no member of a
 * group). */
struct slice completion_group(const struct command *command, struct slice *ret_member);
/* True for the first row of a group, so that a group is listed once. */
bool completion_is_first(size_t index);
/* "a|b|c" as "a b c". */
void completion_put_choices(struct buf *out, const char *choices);
/* The text in single quotes, for a shell: a quote inside becomes '\''. */
void completion_put_quoted(struct buf *out, const char *text);
static inline bool completion_is_file(const char *value)
{
    return value != NULL && strstr(value, "FILE") != NULL;
}

#endif
