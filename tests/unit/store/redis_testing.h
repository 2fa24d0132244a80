/* SPDX-License-Identifier: Apache-2.0 */
/* A real redis-server in a directory of its own, on a unix socket, for the tests of one program. */
#ifndef TESTS_UNIT_STORE_REDIS_TESTING_H
#define TESTS_UNIT_STORE_REDIS_TESTING_H

#include "base/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct redis_server {
    char directory[64];
    char path[80]; /* of the socket */
    pid_t pid;
};

static inline bool server_answers(const struct redis_server *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool answers =
        connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) == 0;
    close(fd);
    return answers;
}

/* Starts it and waits until it accepts; whatever it held is gone. False: it is not installed. */
static inline bool server_start(struct redis_server *server)
{
    if (server->directory[0] == '\0') {
        snprintf(server->directory, sizeof(server->directory), "/tmp/sluice-redis-XXXXXX");
        if (mkdtemp(server->directory) == NULL) {
            return false;
        }
        snprintf(server->path, sizeof(server->path), "%s/s", server->directory);
    }
    char program[] = "redis-server";
    char config[96];
    snprintf(config, sizeof(config), "%s/config", server->directory);
    char *arguments[] = {program, config, NULL};
    FILE *file = fopen(config, "w");
    fprintf(file, "port 0\nunixsocket %s\ndir %s\nsave \"\"\nappendonly no\n%s\n", server->path,
            server->directory, "user guest on >open-sesame ~* &* +@all");
    fclose(file);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    unlink(server->path);
    int status = posix_spawnp(&server->pid, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; status == 0 && i < 2000 && !server_answers(server); i++) {
        poll(NULL, 0, 5);
    }
    if (status != 0) {
        printf("# redis-server is not installed: tools/setup.sh --test\n");
    }
    return status == 0 && server_answers(server);
}

static inline void server_kill(struct redis_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        kill(server->pid, SIGCONT);
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
}

static inline void server_remove(struct redis_server *server)
{
    server_kill(server);
    if (server->directory[0] != '\0') {
        char config[96];
        snprintf(config, sizeof(config), "%s/config", server->directory);
        unlink(config);
        unlink(server->path);
        rmdir(server->directory);
    }
}

static inline int64_t elapsed_ms(int64_t since_ns)
{
    return (clock_monotonic(&clock_system) - since_ns) / NS_PER_MS;
}

#endif
