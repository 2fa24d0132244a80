/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed reading of a validated tree. A value that is not there, or that was reported already, reads
 * as its default, so that resolution goes on and finds every other error in the same pass. What is
 * returned lives in the snapshot's arena (the tree does too).
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

/* --- values; `pattern` is the option's path in the table, NULL as mapping: the default --- */

int64_t setting_number(const struct yaml *mapping, const char *pattern);
/* Is it there and usable? The default counts as not given. */
bool setting_given(const struct yaml *mapping, const char *pattern);
/* Is it there, usable or not? When it is not usable its absence need not be reported. */
bool setting_attempted(const struct yaml *mapping, const char *pattern);
/* The text; the default; or empty. */
struct slice setting_text(const struct yaml *mapping, const char *pattern);
/* The name of a file, made relative to the configuration file; or empty. */
struct slice setting_path(struct reader *reader, const struct yaml *mapping, const char *pattern);
/* The same for a file that must be there: reports an unreadable one. */
struct slice setting_file(struct reader *reader, const struct yaml *mapping, const char *pattern);
/* The same for a file of certificates: reports one that has none. */
struct slice setting_certificates(struct reader *reader, const struct yaml *mapping,
                                  const char *pattern);
/* A list of strings, or one string, or the default as one. */
size_t setting_list(struct reader *reader, const struct yaml *mapping, const char *pattern,
                    struct slice **ret_items);
/* The usable node of a member, or NULL. */
const struct yaml *setting_node(const struct yaml *mapping, const char *pattern);
/* A section of the file, or NULL. */
const struct yaml *setting_section(const struct reader *reader, const char *name);
/* Usable members of a mapping (NULL, or no mapping: none); usable items of a list, or the scalar
 * that stands for a list of one. */
const struct yaml *member_first(const struct yaml *mapping);
const struct yaml *member_next(const struct yaml *member);
size_t member_count(const struct yaml *mapping);
const struct yaml *item_first(const struct yaml *list);
const struct yaml *item_next(const struct yaml *list, const struct yaml *item);
size_t item_count(const struct yaml *list);
/* Where its key stands; no place for NULL. */
struct yaml_place place_of_key(const struct yaml *node);

/* --- the parts of resolution (one file each); errors go to the diagnostics --- */

void resolve_server(struct reader *reader);
void resolve_jwt(struct reader *reader); /* after the server: it needs the ledger's path */
void resolve_providers(struct reader *reader);
/* What AWS and Google want to know of a provider beside its address, and its credential; before the
   address, which may be made of it. */
void resolve_cloud(struct reader *reader, const struct yaml *section, struct provider *provider);
/* The preset's address for this region, project and location; empty: something is missing. */
struct slice resolve_cloud_url(struct reader *reader, const struct yaml *section,
                               const struct provider *provider);
/* The environment's proxy for this URL, NO_PROXY applied; empty: none. One that cannot be used is
   reported at `place`. */
struct slice resolve_proxy(struct reader *reader, struct yaml_place place, const struct url *url);
void resolve_targets(struct reader *reader);
void resolve_routes(struct reader *reader);
/* The checks of a route's answers; `section` is the route's. */
void resolve_escalation(struct reader *reader, const struct yaml *section, struct route *route);
void resolve_classifier(struct reader *reader);
/* After the server: a cluster needs a ledger. */
void resolve_cluster(struct reader *reader);

/* --- names --- */

/* Can be the name of a provider (in_paths: without slashes), target or route: it goes into headers,
 * metrics and provider/model. Reports it if not. */
bool check_name(struct reader *reader, const struct yaml *node, const char *what, bool in_paths);
/* Error at `place`: the name that is meant does not exist. Suggests the nearest of `count` names,
 * or lists the first ones. */
void report_unknown_name(struct reader *reader, struct yaml_place place, struct slice name,
                         const char *what, struct slice (*name_at)(const void *owner, size_t i),
                         const void *owner, size_t count);
/* Index of the target that a scalar names; reports and returns NO_TARGET when there is none. */
uint16_t setting_target(struct reader *reader, const struct yaml *node);
/* Shorthand for an error with a fixed message. */
void report_error(struct reader *reader, struct yaml_place place, const char *code,
                  const char *hint, const char *message);

#endif
