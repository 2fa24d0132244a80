/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: YAML text + environment -> a snapshot, or a list of everything that is wrong
 * with it, each with file:line:col, the line, a caret and the fix. One table (options.def) feeds
 * parser, defaults, --help, the documentation and the JSON schema. A section or option that is not
 * in the table is an error, never ignored. Values of secret options are in no diagnostic, and are
 * wiped from memory when the text has been read, but for the headers of the snapshot. Not
 * thread-safe, no globals.
 */
#ifndef SLUICE_CONFIG_CONFIG_H
#define SLUICE_CONFIG_CONFIG_H

#include "base/buf.h"
#include "config/known_model.h"
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
    const char *code; /* "unknown_key" ...: stable */
    unsigned line;    /* from 1; 0: no place */
    unsigned column;  /* from 1, in characters */
    unsigned length;  /* of the caret's underline */
    char message[256];
    char hint[256]; /* did you mean, valid values, the fix; or empty */
};

/* A stretch of the text, its end exclusive; in characters. */
struct diagnostic_span {
    unsigned line;
    unsigned column;
    unsigned end_line;
    unsigned end_column;
};

struct diagnostics {
    struct diagnostic *items;       /* in the order of the file, those without a place last */
    size_t count;                   /* at most 200 */
    size_t errors;                  /* all of them; the other items are warnings */
    struct diagnostic_span *hidden; /* secrets in the text: shown as stars */
    size_t hidden_count;
    bool hide_all;
    bool partial; /* the text could not be read to its end: secrets in it are guessed by name */
};
void diagnostics_release(struct diagnostics *diagnostics);
/* As people read it, compiler style, with the source line and a caret; `colour` adds ANSI. `text`
 * is what was loaded. */
void diagnostics_write_text(const struct diagnostics *diagnostics, const char *file,
                            struct slice text, bool colour, struct buf *out);
/* {"schema":"sluice.check/1","file":...,"errors":N,"warnings":N,"diagnostics":[...]} */
void diagnostics_write_json(const struct diagnostics *diagnostics, const char *file,
                            struct buf *out);

struct config_options {
    const char *file; /* for messages and for relative paths in it */
    const struct config_environment *environment;
    int64_t wall_s; /* for dated prices */
    struct known_models models; /* what servers of one's own said of theirs; borrowed */
    uint64_t generation;
};
/* NULL when there is at least one error; warnings may come with a snapshot. All problems of the
 * text in one pass. */
MUST_USE struct snapshot *config_load(struct slice text, const struct config_options *options,
                                      struct diagnostics *ret_diagnostics);
/* Reads a file (at most 4 MB); an unreadable file is a diagnostic without a place. *ret_text (may
 * be NULL) gets the bytes, which may hold secrets. */
MUST_USE struct snapshot *config_load_file(const struct config_options *options,
                                           struct buf *ret_text,
                                           struct diagnostics *ret_diagnostics);

/* The option table as Markdown (docs/configuration.md) and as a JSON schema
 * (docs/sluice.schema.json). */
void config_write_markdown(struct buf *out);
void config_write_schema(struct buf *out);

/* A .env file of at most 64 KB: NAME=value lines, quotes, comments, `export`; nothing in a value is
 * expanded. The values win over nothing that is set already: the environment it returns asks `base`
 * first. *error: "unreadable_file", or "bad_dotenv" with file and line. */
struct dotenv;
MUST_USE struct dotenv *dotenv_load(const char *path, const struct config_environment *base,
                                    struct error *error);
const struct config_environment *dotenv_environment(const struct dotenv *dotenv);
/* Names that came from the file, for the banner. */
bool dotenv_has(const struct dotenv *dotenv, const char *name);
/* Wipes the values. NULL-safe. */
void dotenv_free(struct dotenv *dotenv);

#endif
