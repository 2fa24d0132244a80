/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed reading of a validated tree. A value that is not there, or that validation has refused, reads as its default, so that
 * resolution goes on and finds every other error in the same pass.
 */
#ifndef SLUICE_CONFIG_READER_H
#define SLUICE_CONFIG_READER_H

#include "config/diagnostics.h"
#include "config/options.h"

struct reader {
    const struct yaml *root;
    struct arena *arena;
    struct diagnostics *diagnostics;
    const struct config_options *options;
    struct snapshot *snapshot;
};

/* A member of a mapping (NULL mapping: the default applies). `pattern` is the option's path in the table. */
int64_t setting_number(const struct yaml *mapping, const char *pattern);
/* The default counts as not given. */
bool setting_given(const struct yaml *mapping, const char *pattern);
/* Text in the arena (the tree's); the default; or empty. */
struct slice setting_text(const struct yaml *mapping, const char *pattern);
/* A list of strings, or one string, or the default as one; in the arena. */
size_t setting_list(struct reader *reader, const struct yaml *mapping, const char *pattern, struct slice **ret_items);
/* The node of a member, or NULL. */
const struct yaml *setting_node(const struct yaml *mapping, const char *pattern);

/* The parts of resolution (one file each); errors go to the diagnostics. */
void resolve_server(struct reader *reader);
void resolve_providers(struct reader *reader);
void resolve_targets(struct reader *reader);
void resolve_routes(struct reader *reader);
void resolve_classifier(struct reader *reader);

/* Error at a node: the name that is meant does not exist; suggests the nearest of `names`. */
void report_unknown_name(struct reader *reader, const struct yaml *node, struct slice name, const char *what,
                         const struct slice *names, size_t count);
/* Index of the target; reports and returns NO_TARGET when there is none. */
uint16_t setting_target(struct reader *reader, const struct yaml *node, struct slice name);

#endif
