/* SPDX-License-Identifier: Apache-2.0 */
/* sluice serve: configuration or discovery, the gateway, and the banner once it is ready. */
#include "base/log.h"
#include "cli/admin_client.h"
#include "cli/arguments.h"
#include "cli/banner.h"
#include "cli/listen.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/serve_demo.h"
#include "cli/terminal.h"
#include "gateway/gateway.h"

#include <stdlib.h>
#include <unistd.h>

/* What the callbacks of a running gateway need. */
struct serving {
    struct load_request request;
    const char *listen; /* --listen, or NULL */
    struct loaded first;
    struct demo_fleet fleet; /* --demo */
    bool simulated;
    char demo_file[LOAD_PATH_SIZE];
    bool ledger_is_new;
    int64_t started_ns;
    char admin_socket[LOAD_PATH_SIZE];
};

static int load(struct serving *serving, uint64_t generation, struct loaded *loaded)
{
    struct error error;
    serving->request.generation = generation;
    int code = load_configuration(&serving->request, loaded);
    if (code == EXIT_CODE_OK && serving->listen != NULL &&
        !listen_override(loaded->snapshot, serving->listen, &error)) {
        say("sluice serve: %s", error.text);
        loaded_release(loaded);
        return EXIT_CODE_CONFIG;
    }
    if (code == EXIT_CODE_OK) {
        loaded->snapshot->simulated = serving->simulated;
    }
    return code;
}

/* SIGHUP: what is wrong is said on stderr, and the running configuration stays. */
static struct snapshot *on_reload(void *user, uint64_t generation)
{
    struct serving *serving = user;
    struct loaded loaded;
    if (load(serving, generation, &loaded) != EXIT_CODE_OK) {
        return NULL;
    }
    struct snapshot *snapshot = snapshot_ref(loaded.snapshot);
    loaded_release(&loaded);
    return snapshot;
}

static void on_ready(void *user, struct gateway *gateway)
{
    struct serving *serving = user;
    struct buf out = BUF_INIT(1u << 16);
    struct snapshot *snapshot = gateway_snapshot(gateway);
    const struct banner banner = {
        .snapshot = snapshot,
        .discovery = serving->first.discovered ? &serving->first.discovery : NULL,
        .file = serving->first.discovered ? NULL : serving->first.file,
        .no_ledger = serving->first.no_ledger,
        .home = getenv("HOME"),
        .ledger_is_new = serving->ledger_is_new,
        .port = gateway->ports[0],
        .ready_ms =
            (clock_monotonic(&clock_system) - serving->started_ns + NS_PER_MS - 1) / NS_PER_MS,
    };
    banner_write(&banner, &out);
    snapshot_unref(snapshot);
    (void)print_data(&out);
}

static void begin_log(const struct log_settings *settings)
{
    bool text = settings->format == LOG_CHOICE_TEXT ||
                (settings->format == LOG_CHOICE_AUTO && isatty(STDERR_FILENO));
    log_start(STDERR_FILENO, text ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON,
              (enum log_level)settings->level);
}

/* The socket beside the ledger, through which `sluice target` reaches this process; empty: none. */
static void choose_admin_socket(struct serving *serving)
{
    char ledger[LOAD_PATH_SIZE];
    struct slice path = serving->first.snapshot->ledger_path;
    serving->admin_socket[0] = '\0';
    if (path.len == 0) {
        return;
    }
    slice_to_cstr(path, ledger, sizeof(ledger));
    serving->ledger_is_new = access(ledger, F_OK) != 0;
    if (!admin_socket_path(ledger, serving->admin_socket, sizeof(serving->admin_socket))) {
        serving->admin_socket[0] = '\0';
        say("sluice serve: the ledger's path is too long for an admin socket beside it: sluice "
            "target will not work");
    }
}

static int run(struct serving *serving)
{
    struct error error;
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    error_clear(&error);
    if (gateway == NULL) {
        say("sluice serve: out of memory");
        return EXIT_CODE_FAILED;
    }
    choose_admin_socket(serving);
    begin_log(&serving->first.snapshot->log);
    const struct gateway_options options = {
        .clock = &clock_system,
        .snapshot = serving->first.snapshot,
        .reload = on_reload,
        .user = serving,
        .admin_socket = serving->admin_socket[0] == '\0' ? NULL : serving->admin_socket,
        .on_ready = on_ready,
    };
    serving->first.snapshot = NULL; /* the gateway's now */
    bool ok = gateway_run(gateway, &options, &error);
    log_stop();
    if (!ok) { /* what it held goes with the process */
        int code = say_error("serve", &error);
        return error.kind == ERROR_ENVIRONMENT ? code : EXIT_CODE_CONFIG;
    }
    free(gateway);
    return EXIT_CODE_OK;
}

static int serve_loaded(struct serving *serving, bool print_config)
{
    struct error error;
    if (print_config) {
        return print_data(&serving->first.text);
    }
    if (!listen_is_free(&serving->first.snapshot->server, &error)) {
        return say_error("serve", &error);
    }
    return run(serving);
}

/* --demo; or --or-demo where nothing else is there to be served. */
static bool wants_demo(const struct arguments *arguments)
{
    struct discovery discovery;
    struct dotenv *dotenv;
    char file[LOAD_PATH_SIZE];
    if (arguments_given(arguments, "demo") || !arguments_given(arguments, "or-demo") ||
        load_find_file(arguments_value(arguments, "config"), file)) {
        return arguments_given(arguments, "demo");
    }
    const struct config_environment *environment = load_environment(&dotenv);
    discovery_find(&discovery, environment, &config_environment_process, &clock_system);
    bool nothing = discovery.count == 0;
    discovery_release(&discovery);
    dotenv_free(dotenv);
    return nothing;
}

static int start_demo(struct serving *serving)
{
    struct error error;
    if (!serve_demo_start(&serving->fleet, serving->demo_file, &error)) {
        return say_error("serve", &error);
    }
    serving->simulated = true;
    serving->request.file = serving->demo_file;
    return EXIT_CODE_OK;
}

static int serve(struct serving *serving, const struct arguments *arguments)
{
    int code = wants_demo(arguments) ? start_demo(serving) : EXIT_CODE_OK;
    if (code == EXIT_CODE_OK) {
        code = load(serving, 1, &serving->first);
    }
    if (code == EXIT_CODE_OK) {
        code = serve_loaded(serving, arguments_given(arguments, "print-config"));
        loaded_release(&serving->first);
    }
    if (serving->simulated) {
        demo_fleet_stop(&serving->fleet);
    }
    return code;
}

static int serve_run(int argc, char **argv)
{
    struct arguments arguments;
    int code;
    if (!arguments_begin(&serve_command, argc, argv, &arguments, &code)) {
        return code;
    }
    if (arguments_given(&arguments, "demo") && arguments_given(&arguments, "config")) {
        return arguments_refuse(&arguments,
                                "--demo brings its own configuration: leave --config out");
    }
    struct serving *serving = calloc(1, sizeof(*serving));
    if (serving == NULL) {
        say("sluice serve: out of memory");
        return EXIT_CODE_FAILED;
    }
    serving->started_ns = clock_monotonic(&clock_system);
    serving->listen = arguments_value(&arguments, "listen");
    serving->request = (struct load_request){
        .command = "serve",
        .file = arguments_value(&arguments, "config"),
        .probing = true,
        .serving = true,
    };
    code = serve(serving, &arguments);
    free(serving);
    return code;
}

static const struct argument serve_arguments[] = {
    ARGUMENT_CONFIG,
    {.name = "listen",
     .letter = 'l',
     .value = "ADDR",
     .help = "127.0.0.1:4141, [::1]:4141, or a port of this machine"},
    {.name = "demo", .help = "answer from a simulated fleet: no key, no cost, no real model"},
    {.name = "or-demo", .help = "the same, but only where nothing else is found"},
    {.name = "print-config", .help = "print the configuration that would be used, and end"},
};

const struct command serve_command = {
    .name = "serve",
    .summary = "start the gateway",
    .example = "sluice\nsluice --demo\nsluice serve -c sluice.yaml --listen 127.0.0.1:4142\n"
               "sluice serve --print-config > sluice.yaml\n",
    .details =
        "Without a file it uses the provider keys of the environment and .env, and the model\n"
        "servers of this machine. SIGHUP reads the configuration again; SIGTERM lets calls end.",
    .arguments = serve_arguments,
    .argument_count = ARRAY_LEN(serve_arguments),
    .run = serve_run,
};
