/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection of a simulated provider does with one request: bytes, and the steps in which
 * they leave, each one write (as far as the socket takes it) after a pause; then an ending. All
 * misbehaviour of bytes and time is made when the script is written, so that playing it is one
 * small loop. A finished script does not change and may be shared by connections of its thread.
 */
#ifndef SLUICE_SIM_SCRIPT_H
#define SLUICE_SIM_SCRIPT_H

#include "base/buf.h"

enum sim_ending {
    SIM_END_KEEP,  /* the connection stays for the next request */
    SIM_END_CLOSE, /* FIN */
    SIM_END_RESET, /* RST */
    SIM_END_HANG,  /* nothing more, until the peer leaves */
};

struct sim_step {
    size_t start; /* of the bytes */
    size_t end;
    uint64_t delay_us; /* before each write of it */
    uint64_t repeat;   /* how often it is written, at least once */
};

#define SIM_REPEAT_FOREVER UINT64_MAX

struct sim_script {
    unsigned references;
    struct buf bytes;
    struct sim_step *steps;
    size_t count;
    size_t cap;
    size_t write_max;        /* bytes of one write; 0: a step at a time */
    uint64_t write_delay_us; /* between the writes that write_max makes of a step */
    uint64_t ending_delay_us;
    enum sim_ending ending;
    bool cut;    /* the answer is not whole, or not sound */
    bool failed; /* out of memory, sticky, as in a buf */
};

/* One reference, empty, ending in keep; NULL: out of memory. */
MUST_USE struct sim_script *sim_script_new(void);
void sim_script_hold(struct sim_script *script);
/* NULL-safe; frees with the last reference. */
void sim_script_release(struct sim_script *script);
/* Makes the bytes since the last step a step; nothing if there are none. */
void sim_script_step(struct sim_script *script, uint64_t delay_us, uint64_t repeat);

#endif
