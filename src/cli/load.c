/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/load.h"

#include "base/log.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/known.h"
#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX (4u << 20)
#define DISCOVERY_NAME "discovery"

/* --- environment --- */

/* A file that others may write, or that somebody else put there, must not choose where prompts go.
 */
static bool dotenv_is_ours(void)
{
    struct stat status;
    if (stat(".env", &status) != 0 || !S_ISREG(status.st_mode)) {
        return false;
    }
    if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        say("sluice: .env is ignored: it must belong to you and be writable by nobody else "
            "(chmod 600 .env)");
        return false;
    }
    return true;
}

const struct config_environment *load_environment(struct dotenv **ret_dotenv)
{
    struct error error;
    *ret_dotenv = NULL;
    if (dotenv_is_ours()) {
        *ret_dotenv = dotenv_load(".env", &config_environment_process, &error);
        if (*ret_dotenv == NULL) {
            say("sluice: .env is ignored: %s", error.text);
        }
    }
    return *ret_dotenv == NULL ? &config_environment_process : dotenv_environment(*ret_dotenv);
}

/* For commands that send nothing: a key that is not set does not matter to them. Only what the text
   names as ${NAME}, without a default, is made up. */
struct lenient {
    struct config_environment environment;
    const struct config_environment *base;
    struct slice text;
};

static const char *lenient_get(const struct config_environment *environment, const char *name)
{
    const struct lenient *lenient = environment->user;
    const char *value = lenient->base->get(lenient->base, name);
    char reference[300];
    if (value != NULL && value[0] != '\0') {
        return value;
    }
    int len = snprintf(reference, sizeof(reference), "${%s}", name);
    bool named = len > 0 && len < (int)sizeof(reference) &&
                 slice_find_slice(lenient->text, slice_of(reference, (size_t)len)) != SIZE_MAX;
    return named ? "not-set" : value;
}

/* --- places --- */

static bool path_join(char path[LOAD_PATH_SIZE], const char *directory, const char *rest)
{
    int len = snprintf(path, LOAD_PATH_SIZE, "%s/%s", directory, rest);
    return len > 0 && len < LOAD_PATH_SIZE;
}

/* The XDG rule: the variable when it is an absolute path, else a directory below the home. */
static bool xdg_path(char path[LOAD_PATH_SIZE], const char *name, const char *below_home,
                     const char *rest)
{
    const char *given = getenv(name);
    const char *home = getenv("HOME");
    char directory[LOAD_PATH_SIZE];
    if (given != NULL && given[0] == '/') {
        return path_join(path, given, rest);
    }
    return home != NULL && home[0] == '/' && path_join(directory, home, below_home) &&
           path_join(path, directory, rest);
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool load_find_file(const char *given, char path[LOAD_PATH_SIZE])
{
    const char *named = given != NULL ? given : getenv("SLUICE_CONFIG");
    if (named != NULL && named[0] != '\0') {
        return snprintf(path, LOAD_PATH_SIZE, "%s", named) < LOAD_PATH_SIZE;
    }
    if (exists("sluice.yaml")) {
        snprintf(path, LOAD_PATH_SIZE, "sluice.yaml");
        return true;
    }
    if (xdg_path(path, "XDG_CONFIG_HOME", ".config", "sluice/sluice.yaml") && exists(path)) {
        return true;
    }
    snprintf(path, LOAD_PATH_SIZE, "/etc/sluice/sluice.yaml");
    return exists(path);
}

bool load_state_ledger(char path[LOAD_PATH_SIZE])
{
    return xdg_path(path, "XDG_STATE_HOME", ".local/state", "sluice/sluice.db");
}

/* Does a server listen on this socket file? */
static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >=
        (int)sizeof(address.sun_path)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return yes;
}

/* Whoever tries `make run` on a fresh machine asks next what was recorded: where nothing is
 * configured and nothing real has run yet, the other commands are about the simulated fleet while
 * it runs. */
static bool find_running_demo(const char *command, char path[LOAD_PATH_SIZE])
{
    char ledger[LOAD_PATH_SIZE];
    char socket_file[LOAD_PATH_SIZE];
    if (!load_state_ledger(ledger) || exists(ledger) ||
        !xdg_path(path, "XDG_STATE_HOME", ".local/state", "sluice/demo.yaml") || !exists(path) ||
        !xdg_path(socket_file, "XDG_STATE_HOME", ".local/state", "sluice/demo.db.sock") ||
        !answers(socket_file)) {
        return false;
    }
    say("sluice %s: this is about the simulated fleet that runs now (%s)", command, path);
    return true;
}

bool load_make_directory(const char *file, struct error *error)
{
    char path[LOAD_PATH_SIZE];
    if (snprintf(path, sizeof(path), "%s", file) >= (int)sizeof(path)) {
        return error_set(error, ERROR_ENVIRONMENT, "no_directory", "the path is too long");
    }
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            return error_set(error, ERROR_ENVIRONMENT, "no_directory", "cannot make %s: %s", path,
                             strerror(errno));
        }
        *slash = '/';
    }
    return true;
}

/* --- loading --- */

static struct config_options
make_options(const char *file, const struct config_environment *environment, uint64_t generation)
{
    return (struct config_options){
        .file = file,
        .environment = environment,
        .wall_s = clock_wall(&clock_system) / NS_PER_S,
        .generation = generation,
    };
}

/* One event for each: carets and source lines would stand between the JSON lines of the log. */
static void log_diagnostics(const struct diagnostics *diagnostics, const char *file)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *d = &diagnostics->items[i];
        bool error = d->severity == SEVERITY_ERROR;
        log_event(error ? LOG_ERROR : LOG_WARN, error ? "config_error" : "config_warning",
                  "%s:%u:%u: %s: %s%s%s", file, d->line, d->column, d->code, d->message,
                  d->hint[0] == '\0' ? "" : "; ", d->hint);
    }
}

static void say_diagnostics(const struct diagnostics *diagnostics, const char *file,
                            struct slice text)
{
    if (log_is_json()) {
        log_diagnostics(diagnostics, file);
        return;
    }
    struct buf out = BUF_INIT(TEXT_MAX);
    diagnostics_write_text(diagnostics, file, text, wants_colour(STDERR_FILENO), &out);
    if (out.len > 0) {
        fwrite(out.ptr, 1, out.len, stderr);
    }
    buf_release(&out);
}

static bool only_unset(const struct diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        if (diagnostics->items[i].severity == SEVERITY_ERROR &&
            strcmp(diagnostics->items[i].code, "unset_variable") != 0) {
            return false;
        }
    }
    return true;
}

static struct snapshot *load_leniently(const struct config_environment *environment,
                                       const struct load_request *request, struct loaded *loaded,
                                       struct known_models models, struct diagnostics *diagnostics)
{
    struct lenient lenient = {
        .environment = {.get = lenient_get}, .base = environment, .text = buf_slice(&loaded->text)};
    lenient.environment.user = &lenient;
    struct config_options options =
        make_options(loaded->file, &lenient.environment, request->generation);
    options.models = models;
    diagnostics_release(diagnostics);
    return config_load(buf_slice(&loaded->text), &options, diagnostics);
}

/* Loads loaded->text, once more where it is there already, else the file into it. */
static struct snapshot *load_once(const struct load_request *request,
                                  const struct config_environment *environment,
                                  struct loaded *loaded, struct known_models models,
                                  struct diagnostics *diagnostics)
{
    struct config_options options = make_options(loaded->file, environment, request->generation);
    options.models = models;
    struct snapshot *snapshot =
        loaded->text.len > 0 ? config_load(buf_slice(&loaded->text), &options, diagnostics)
                             : config_load_file(&options, &loaded->text, diagnostics);
    if (snapshot == NULL && !request->serving && only_unset(diagnostics)) {
        snapshot = load_leniently(environment, request, loaded, models, diagnostics);
    }
    return snapshot;
}

/* At a reload the log is where it is looked for. */
static void tell(const struct load_request *request, struct slice text)
{
    if (request->generation > 1) {
        log_event(LOG_WARN, "local_models", "%.*s", SLICE_ARG(text));
    } else {
        say("sluice %s: %.*s", request->command, SLICE_ARG(text));
    }
}

static void tell_known(const struct load_request *request, const struct known *known)
{
    for (size_t i = 0; i < known->server_count && request->serving; i++) {
        const struct known_server *server = &known->servers[i];
        struct buf text = BUF_INIT(1024);
        if (server->listed && !server->answered) {
            buf_printf(&text,
                       "%.*s has told of no models: it has no targets until the next reload "
                       "(SIGHUP), its models can be asked for as %.*s/MODEL",
                       SLICE_ARG(server->provider), SLICE_ARG(server->provider));
        } else if (server->listed && server->left_out > 0) {
            buf_printf(&text,
                       "%.*s has %zu models: the first %zu are targets, the others can be asked "
                       "for as %.*s/MODEL",
                       SLICE_ARG(server->provider), server->models + server->left_out,
                       server->models, SLICE_ARG(server->provider));
        }
        if (text.len > 0) {
            tell(request, buf_slice(&text));
        }
        buf_release(&text);
    }
}

/* What servers of one's own say of their models goes into the second reading. */
static struct snapshot *load_known(const struct load_request *request,
                                   const struct config_environment *environment,
                                   struct loaded *loaded, struct diagnostics *diagnostics)
{
    const struct known_models none = {.count = 0};
    struct snapshot *snapshot = load_once(request, environment, loaded, none, diagnostics);
    struct known known;
    if (snapshot == NULL || !request->probing || loaded->discovered) {
        return snapshot;
    }
    if (known_ask(snapshot, &clock_system, &known) && known.models.count > 0) {
        snapshot_unref(snapshot);
        diagnostics_release(diagnostics);
        snapshot = load_once(request, environment, loaded, known.models, diagnostics);
    }
    tell_known(request, &known);
    known_release(&known);
    return snapshot;
}

static int load_text(const struct load_request *request,
                     const struct config_environment *environment, struct loaded *loaded)
{
    struct diagnostics diagnostics;
    loaded->snapshot = load_known(request, environment, loaded, &diagnostics);
    if (diagnostics.errors > 0 || (request->serving && !loaded->discovered)) {
        say_diagnostics(&diagnostics, loaded->file, buf_slice(&loaded->text));
    }
    if (loaded->snapshot == NULL && !log_is_json()) {
        say("sluice %s: %s has %zu error%s (sluice check shows them too)", request->command,
            loaded->file, diagnostics.errors, diagnostics.errors == 1 ? "" : "s");
    }
    diagnostics_release(&diagnostics);
    return loaded->snapshot != NULL ? EXIT_CODE_OK : EXIT_CODE_CONFIG;
}

static void say_nothing_found(const char *command)
{
    say("sluice %s: nothing to route to was found: no configuration file, no provider key in",
        command);
    say("the environment or .env, no model server on this machine.");
    say("  set a key        export OPENROUTER_API_KEY=...   (sluice providers lists the names)");
    say("  or run a server  ollama serve                    (then start sluice again)");
    say("  or write a file  sluice.yaml                     (sluice check explains its errors)");
    say("  or try it        sluice --demo                   (a simulated fleet, no key needed)");
}

/* The ledger of discovery, made ready when serving. NULL: there can be none, loaded->no_ledger says
 * why. */
static const char *discovery_ledger(const struct load_request *request, char path[LOAD_PATH_SIZE],
                                    struct loaded *loaded)
{
    struct error error;
    if (!load_state_ledger(path)) {
        snprintf(loaded->no_ledger, sizeof(loaded->no_ledger), "HOME is not set");
        return NULL;
    }
    if (request->serving && !load_make_directory(path, &error)) {
        snprintf(loaded->no_ledger, sizeof(loaded->no_ledger), "%.150s", error.text);
        return NULL;
    }
    return path;
}

static int load_discovered(const struct load_request *request,
                           const struct config_environment *environment, struct loaded *loaded)
{
    char ledger[LOAD_PATH_SIZE];
    loaded->discovered = true;
    snprintf(loaded->file, sizeof(loaded->file), DISCOVERY_NAME);
    discovery_find(&loaded->discovery, environment, &config_environment_process,
                   request->probing ? &clock_system : NULL);
    if (loaded->discovery.count == 0) {
        say_nothing_found(request->command);
        return EXIT_CODE_CONFIG;
    }
    buf_init(&loaded->text, TEXT_MAX);
    discovery_write(&loaded->discovery, discovery_ledger(request, ledger, loaded), &loaded->text);
    return load_text(request, environment, loaded);
}

int load_configuration(const struct load_request *request, struct loaded *ret_loaded)
{
    struct dotenv *dotenv;
    const struct config_environment *environment = load_environment(&dotenv);
    memset(ret_loaded, 0, sizeof(*ret_loaded));
    bool found = load_find_file(request->file, ret_loaded->file) ||
                 (!request->serving && find_running_demo(request->command, ret_loaded->file));
    int code = found ? load_text(request, environment, ret_loaded)
                     : load_discovered(request, environment, ret_loaded);
    dotenv_free(dotenv);
    if (code != EXIT_CODE_OK) {
        loaded_release(ret_loaded);
    }
    return code;
}

void loaded_release(struct loaded *loaded)
{
    snapshot_unref(loaded->snapshot);
    loaded->snapshot = NULL;
    buf_release(&loaded->text);
    if (loaded->discovered) {
        discovery_release(&loaded->discovery);
    }
}

/* Caps are reckoned in it. */
static void set_time_zone(const struct snapshot *snapshot)
{
    char name[64];
    bool given = snapshot->caps.time_zone.len > 0;
    slice_to_cstr(given ? snapshot->caps.time_zone : SLICE("UTC"), name, sizeof(name));
    setenv("TZ", name, 1);
    tzset();
}

static bool keep_cluster(const struct cluster_settings *cluster, struct ledger_place *place)
{
    if (cluster->postgres.len == 0) {
        return true;
    }
    slice_to_cstr(cluster->node, place->node, sizeof(place->node));
    place->postgres = strndup(cluster->postgres.ptr, cluster->postgres.len);
    return place->postgres != NULL;
}

int load_ledger_place(const char *command, const char *file, struct ledger_place *ret_place)
{
    char found[LOAD_PATH_SIZE];
    *ret_place = (struct ledger_place){0};
    if (!load_find_file(file, found) && !find_running_demo(command, found)) {
        if (!load_state_ledger(ret_place->path)) {
            say("sluice %s: HOME is not set, so there is no ledger; name a configuration with -c",
                command);
            return EXIT_CODE_CONFIG;
        }
        return EXIT_CODE_OK;
    }
    struct loaded loaded;
    const struct load_request request = {.command = command, .file = found};
    int code = load_configuration(&request, &loaded);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    slice_to_cstr(loaded.snapshot->ledger_path, ret_place->path, LOAD_PATH_SIZE);
    bool kept = keep_cluster(&loaded.snapshot->cluster, ret_place);
    set_time_zone(loaded.snapshot);
    loaded_release(&loaded);
    if (!kept) {
        say("sluice %s: out of memory", command);
        return EXIT_CODE_FAILED;
    }
    if (ret_place->path[0] == '\0') {
        say("sluice %s: the ledger is switched off in %s", command, found);
        ledger_place_release(ret_place);
        return EXIT_CODE_CONFIG;
    }
    return EXIT_CODE_OK;
}

void ledger_place_release(struct ledger_place *place)
{
    if (place->postgres != NULL) {
        memory_wipe(place->postgres, strlen(place->postgres));
        free(place->postgres);
        place->postgres = NULL;
    }
}

int load_ledger_path(const char *command, const char *file, char path[LOAD_PATH_SIZE])
{
    struct ledger_place place;
    int code = load_ledger_place(command, file, &place);
    memcpy(path, place.path, LOAD_PATH_SIZE);
    ledger_place_release(&place);
    return code;
}
