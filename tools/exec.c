/* SPDX-License-Identifier: Apache-2.0 */
/* `slipring exec`: runs a command, records how long it took and how it ended, and ends the same way.
 *
 * Signals. A terminal sends its signals to every process of the foreground group, so the command has got them already
 * and they are not passed on; what another process sends to us alone is passed on to the command. We end when the
 * command has ended, never before: its death is recorded too. If a signal killed it we die by the same one, so
 * that a shell sees what it would have seen.
 *
 * Not one-shot. The span makes it active and, when we are killed, aborted: that takes a process slot in any case; and in a ring of its
 * own the end of the span and its sample are one, which they are not in the slot's table and the shared spill. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "booking.h"
#include "command.h"
#include "message.h"

enum { STATUS_CANNOT_RUN = 126, STATUS_NOT_FOUND = 127, STATUS_SIGNAL = 128 };

static const int passed_on[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};
enum { PASSED_ON = sizeof passed_on / sizeof *passed_on };

extern char **environ;

static volatile sig_atomic_t child; /* 0: not started */

static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    int saved_errno = errno;
    if (child > 0 && info->si_code <= 0) { /* sent by a process, not by the terminal */
        (void)kill((pid_t)child, signal_number);
    }
    errno = saved_errno;
}

/* Pass signals on, and hold them back until the command is there. What was ignored stays ignored, as under nohup. */
static void take_signals(struct sigaction former[PASSED_ON], sigset_t *out_held)
{
    struct sigaction action;
    sigset_t held;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = pass_on;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigemptyset(&held);
    for (int i = 0; i < PASSED_ON; i++) {
        (void)sigaddset(&held, passed_on[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &held, out_held);
    for (int i = 0; i < PASSED_ON; i++) {
        (void)sigaction(passed_on[i], NULL, &former[i]);
        if (former[i].sa_handler != SIG_IGN) {
            (void)sigaction(passed_on[i], &action, NULL);
        }
    }
}

/* Start the command with the dispositions and the mask that we were started with. 0 or an errno. */
static int start(char **command, const struct sigaction former[PASSED_ON], const sigset_t *mask)
{
    posix_spawnattr_t attributes;
    sigset_t defaults;
    pid_t pid = 0;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    sigemptyset(&defaults);
    for (int i = 0; i < PASSED_ON; i++) {
        if (former[i].sa_handler != SIG_IGN) {
            (void)sigaddset(&defaults, passed_on[i]);
        }
    }
    (void)sigaddset(&defaults, SIGBUS); /* our guard's */
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setsigmask(&attributes, mask);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    error = posix_spawnp(&pid, command[0], NULL, &attributes, command, environ);
    (void)posix_spawnattr_destroy(&attributes);
    if (error == 0) {
        child = pid;
    }
    return error;
}

/* Wait for its end. From then on signals are held back: its pid may become another's. false: it is not ours to wait
 * for, which is an error of ours. */
static bool wait_for(pid_t pid, int *out_status)
{
    siginfo_t info;
    sigset_t held;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    sigemptyset(&held);
    for (int i = 0; i < PASSED_ON; i++) {
        (void)sigaddset(&held, passed_on[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &held, NULL);
    bool is_reaped = waitpid(pid, out_status, 0) == pid;
    child = 0;
    return is_reaped;
}

/* End as the command did. */
static int end_like(int status)
{
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    int signal_number = WTERMSIG(status);
    struct rlimit no_core = {0, 0};
    sigset_t one;
    (void)setrlimit(RLIMIT_CORE, &no_core); /* the command has left one where it should */
    (void)signal(signal_number, SIG_DFL);
    sigemptyset(&one);
    (void)sigaddset(&one, signal_number);
    (void)fflush(NULL);
    (void)raise(signal_number);
    (void)sigprocmask(SIG_UNBLOCK, &one, NULL);
    return STATUS_SIGNAL + signal_number; /* a signal that did not kill us: the shell's way of telling it */
}

static int say_not_started(const char *command, int error)
{
    struct render_text quoted;
    message_print("cannot run %s: %s; nothing was recorded", render_quote(command, &quoted), strerror(error));
    return error == ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
}

/* An id that is not zero. False: there is no randomness to be had. */
static bool draw_id(uint8_t *bytes, size_t count)
{
    static const uint8_t zero[16];
    do {
        if (getrandom(bytes, count, 0) != (ssize_t)count) {
            return false;
        }
    } while (memcmp(bytes, zero, count) == 0);
    return true;
}

/* The trace that $TRACEPARENT tells of, or a new one if that is wished: the run is a span of it, with an id of its own, and the
 * command's parent. $TRACESTATE belongs to the trace that it came with: a new one begins without (Trace Context, 3.3.1). Without either, or should
 * anything fail, the environment stays as it is, and there is no trace. */
static struct slipring_trace join_trace(bool may_begin)
{
    struct slipring_trace trace;
    char text[SLIPRING_TRACEPARENT_BYTES];
    const bool is_joined = slipring_trace_parse(getenv("TRACEPARENT"), &trace);
    if (!is_joined) {
        trace.flags = SLIPRING_TRACE_SAMPLED;
        if (!may_begin || !draw_id(trace.trace_id, sizeof trace.trace_id)) {
            return (struct slipring_trace){.flags = 0};
        }
    }
    if (!draw_id(trace.span_id, sizeof trace.span_id)) {
        return (struct slipring_trace){.flags = 0};
    }
    slipring_trace_format(&trace, text);
    if (setenv("TRACEPARENT", text, 1) != 0) {
        return (struct slipring_trace){.flags = 0};
    }
    if (!is_joined) {
        (void)unsetenv("TRACESTATE"); /* fails for no name but an odd one */
    }
    return trace;
}

static int run_exec(const struct invocation *invocation)
{
    struct booking booking;
    char **command = &invocation->words[1];
    struct sigaction former[PASSED_ON];
    sigset_t mask;
    int status = 0;
    if (!booking_parse(invocation, &booking)) {
        return STATUS_BAD;
    }
    /* A store that cannot be recorded into is no reason not to run the command: booking_open() has said it. */
    bool is_open = booking_open(invocation, &booking, false);
    (void)signal(SIGCHLD, SIG_DFL); /* were it ignored, there would be nothing to wait for */
    take_signals(former, &mask);
    const struct slipring_trace trace = join_trace(invocation->values[OPTION_trace] != NULL);
    struct slipring_traced_span span = slipring_begin_traced(is_open ? booking.primitive : NULL, &trace);
    int error = start(command, former, &mask);
    if (error != 0) {
        slipring_cancel(&span.span);
        (void)sigprocmask(SIG_SETMASK, &mask, NULL);
        if (is_open && !booking_close(invocation, &booking)) {
            return STATUS_BAD;
        }
        return say_not_started(command[0], error);
    }
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    if (!wait_for((pid_t)child, &status)) {
        slipring_cancel(&span.span);
        message_print("lost sight of the command: %s; nothing was recorded", strerror(errno));
        return STATUS_BAD;
    }
    bool succeeded = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    slipring_end_traced(&span, succeeded ? SLIPRING_SUCCESS : SLIPRING_FAILURE,
                        booking.has_cost ? &booking.cost : NULL);
    if (is_open) {
        (void)booking_close(invocation,
                            &booking); /* it has said what it could; the command's end goes first */
    }
    return end_like(status);
}

const struct command command_exec = {
    .name = "exec",
    .synopsis = "[OPTION]... NAME [--] COMMAND [ARGUMENT]...",
    .summary = "run a command, record how long it took and how it ended",
    .description =
        "Runs COMMAND and records one execution of the primitive NAME: from its start to its end, "
        "a success when it "
        "exits with 0, else a failure. While it runs it counts as active; if slipring itself is "
        "killed meanwhile, the "
        "execution is counted as aborted.\n"
        "Ends as the command did: with its exit status, or by the signal that killed it. Signals "
        "sent to slipring are "
        "passed on to the command; those of the terminal it gets by itself. Standard input and "
        "output are the "
        "command's.\n"
        "When $TRACEPARENT is a W3C traceparent, the run is a span of that trace: it is recorded under "
        "a span id of its own, and the command's $TRACEPARENT has that. Without one, or with one that is "
        "none, which the command gets untouched, the run is recorded without a trace; with --trace it "
        "begins a new one, and the command gets no $TRACESTATE of another. Exemplars are kept of sampled "
        "traces alone: one that is there and not sampled is joined, with --trace, too, and not kept.\n"
        "When the store cannot be recorded into, that is said on stderr and the command runs all "
        "the same. When the "
        "command cannot be started, nothing is recorded. What follows COMMAND is its own; "
        "the -- is needed only "
        "when COMMAND begins with a dash.",
    .exits = "N\tthe exit status of the command\n"
             "2\tbad input; the command was not run\n"
             "126\tthe command cannot be run\n"
             "127\tthe command was not found\n"
             "128+N\tseen by a shell when signal N killed the command\n",
    .examples =
        "slipring exec backup -- tar czf /tmp/etc.tar.gz /etc\n"
        "slipring exec nightly --type job --cost 0.05 -- ./nightly.sh\teach run is booked with five cents\n"
        "slipring exec nightly --trace -- ./nightly.sh\ta trace of its own for each run that has none\n",
    COMMAND_OPTIONS(OPTION_type, OPTION_cost, OPTION_savings, OPTION_category, OPTION_trace),
    .min_words = 2,
    .max_words = -1,
    .takes_a_command = true,
    .run = run_exec,
};
