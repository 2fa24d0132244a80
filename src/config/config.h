/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: YAML text + environment -> a snapshot, or a list of everything that is wrong with it, each with
 * file:line:col, the line, a caret and the fix. One table (options.def) feeds parser, defaults, --help, the documentation and the
 * JSON schema. A section or option that is not in the table is an error, never ignored. Not thread-safe, no globals.
 */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include "base/buf.h"
#include "config/snapshot.h"

/* The environment is passed in (the process's, .env files, tests). NULL: not set. */
struct config_environment {
    const char *(*get)(const struct config_environment *environment, const char *name);
    void *user;
};
extern const struct config_environment config_environment_process;

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct diagnostic {
    enum severity severity;
    const char *code;   /* "unknown_key" ...: stable */
    unsigned line;      /* from 1; 0: no place */
    unsigned column;    /* from 1, in characters */
    unsigned length;    /* of the caret's underline */
    char message[256];
    char hint[256];     /* did you mean, valid values, the fix; or empty */
};

struct diagnostics {
    struct diagnostic *items;
    size_t count;
    size_t errors; /* warnings are the rest */
};
void diagnostics_release(struct diagnostics *diagnostics);
/* As people read it, compiler style, with the source line and a caret; `colour` adds ANSI. */
void diagnostics_write_text(const struct diagnostics *diagnostics, const char *file, struct slice text, bool colour, struct buf *out);
/* {"schema":"sluice.check/1","file":...,"errors":N,"warnings":N,"diagnostics":[...]} */
void diagnostics_write_json(const struct diagnostics *diagnostics, const char *file, struct buf *out);

struct config_options {
    const char *file;       /* for messages and for relative paths in it */
    const struct config_environment *environment;
    int64_t wall_s;         /* for dated prices */
    uint64_t generation;
};
/* NULL when there is at least one error; warnings may come with a snapshot. All problems of the text in one pass. */
MUST_USE struct snapshot *config_load(struct slice text, const struct config_options *options, struct diagnostics *ret_diagnostics);
/* Reads a file (at most 4 MB); an unreadable file is a diagnostic without a place. *ret_text (may be NULL) gets the bytes. */
MUST_USE struct snapshot *config_load_file(const struct config_options *options, struct buf *ret_text, struct diagnostics *ret_diagnostics);

/* The option table as Markdown (docs/configuration.md) and as a JSON schema. */
void config_write_markdown(struct buf *out);
void config_write_schema(struct buf *out);

/* A .env file: NAME=value lines, quotes, comments, `export`; the values win over nothing that is set already. The environment
   it returns falls back to `base` first. */
struct dotenv;
MUST_USE struct dotenv *dotenv_load(const char *path, const struct config_environment *base, struct error *error);
const struct config_environment *dotenv_environment(const struct dotenv *dotenv);
/* Names that came from the file, for the banner. */
bool dotenv_has(const struct dotenv *dotenv, const char *name);
void dotenv_free(struct dotenv *dotenv);

#endif
