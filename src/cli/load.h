/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a command's configuration comes from: the file that is named, else the first of the usual
 * places, else a simulated fleet that runs, else discovery. What is wrong with it is said on stderr
 * here, so that callers only pass the exit code on. .env in the working directory is read when it
 * belongs to the caller and nobody else may write it.
 */
#ifndef SLUICE_CLI_LOAD_H
#define SLUICE_CLI_LOAD_H

#include "cli/discovery.h"

#define LOAD_PATH_SIZE 1024

/* The configuration file: `given` (-c), $SLUICE_CONFIG, ./sluice.yaml,
   $XDG_CONFIG_HOME/sluice/sluice.yaml (~/.config), /etc/sluice/sluice.yaml. A file that was named
   need not exist to be it. False: there is none. */
MUST_USE bool load_find_file(const char *given, char path[LOAD_PATH_SIZE]);
/* The ledger of discovery: $XDG_STATE_HOME/sluice/sluice.db (~/.local/state). False: no home is
 * known, or it is too long. */
MUST_USE bool load_state_ledger(char path[LOAD_PATH_SIZE]);
/* Makes the directory of this file, and those above it, with mode 0700. *error: "no_directory". */
MUST_USE bool load_make_directory(const char *file, struct error *error);

struct load_request {
    const char *command; /* for messages */
    const char *file;    /* -c, or NULL */
    bool probing;        /* discovery asks local servers */
    bool serving; /* makes discovery's ledger directory; variables must be set; warnings are said */
    uint64_t generation;
};

struct loaded {
    struct snapshot *snapshot;
    char file[LOAD_PATH_SIZE]; /* or "discovery" */
    bool discovered;
    struct discovery discovery; /* when discovered */
    struct buf text;            /* of the configuration */
    char no_ledger[160];        /* why discovery goes without a ledger, or empty */
};

/* The exit code. On anything but EXIT_CODE_OK nothing is held. */
int load_configuration(const struct load_request *request, struct loaded *ret_loaded);
void loaded_release(struct loaded *loaded);

/* The ledger's path alone, for commands that only read or change the ledger: without a file it is
   discovery's, whatever is found now; or the demo's while that runs and nothing else ever did. The
   process's time zone becomes that of the configuration's caps. */
int load_ledger_path(const char *command, const char *file, char path[LOAD_PATH_SIZE]);

/* The same with what a node of a cluster needs besides. */
struct ledger_place {
    char path[LOAD_PATH_SIZE];
    char node[256];
    char *postgres; /* secret; NULL: this node is alone */
};
int load_ledger_place(const char *command, const char *file, struct ledger_place *ret_place);
void ledger_place_release(struct ledger_place *place);

/* The environment with .env; *ret_dotenv (may become NULL) is freed with dotenv_free(). A faulty
 * .env is said and ignored. */
const struct config_environment *load_environment(struct dotenv **ret_dotenv);

#endif
