/* SPDX-License-Identifier: Apache-2.0 */
/* Stepping by the trap flag: see trap.h. */
#include "support/trap.h"

#include "support/check.h"

#if defined(__x86_64__) && !CHECK_UNDER_TSAN

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/compiler.h"

#define BREAKPOINT  0xcc
#define ADDRESS_MAX 20000u

static uint64_t steps;
static void (*look_now)(void *);
static void *look_argument;

static uintptr_t addresses[ADDRESS_MAX];
static uint32_t address_count;

static uint8_t *breakpoint; /* NULL: none set */
static uint8_t original;

bool trap_is_possible(void)
{
    return true;
}

static void remember(uintptr_t address)
{
    for (uint32_t i = 0; i < address_count; i++) {
        if (addresses[i] == address) {
            return;
        }
    }
    if (address_count < ADDRESS_MAX) {
        addresses[address_count++] = address;
    }
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    ucontext_t *interrupted = context;
    greg_t *rip = &interrupted->uc_mcontext.gregs[REG_RIP];
    if (breakpoint && (uintptr_t)*rip == (uintptr_t)breakpoint + 1) {
        *breakpoint = original;
        breakpoint = NULL;
        (*rip)--;
        look_now(look_argument);
        return;
    }
    steps++;
    if (look_now) {
        look_now(look_argument);
    } else {
        remember((uintptr_t)*rip);
    }
}

static void catch_traps(void (*look)(void *), void *argument)
{
    const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    CHECK_EQUAL(sigaction(SIGTRAP, &action, NULL), 0);
    steps = 0;
    look_now = look;
    look_argument = argument;
}

/* Below the red zone: a leaf's variables may lie there. */
#define CHANGE_FLAGS(operation)                                                                              \
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\t" operation                                        \
                     ", (%%rsp)\n\tpopfq\n\tlea 128(%%rsp), %%rsp" ::                                        \
                         : "memory", "cc")

uint64_t trap_each(void (*body)(void *), void (*look)(void *), void *argument)
{
    catch_traps(look, argument);
    CHANGE_FLAGS("orq $0x100");
    body(argument);
    CHANGE_FLAGS("andq $~0x100");
    return steps;
}

uint32_t trap_learn(void (*body)(void *), void *argument)
{
    address_count = 0;
    (void)trap_each(body, NULL, argument);
    CHECK(address_count < ADDRESS_MAX);
    return address_count;
}

bool trap_at(void (*body)(void *), void (*look)(void *), void *argument, uint32_t nth)
{
    catch_traps(look, argument);
    uint8_t *at = (uint8_t *)addresses[nth];
    uint8_t *page = (uint8_t *)((uintptr_t)at & ~(uintptr_t)(SR_PAGE_BYTES - 1));
    const bool is_writable = mprotect(page, SR_PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
    if (is_writable) {
        original = *at;
        breakpoint = at;
        *(volatile uint8_t *)at = BREAKPOINT; /* volatile: code, which the compiler does not know of */
    }
    body(argument);
    if (breakpoint) {
        *breakpoint = original;
        breakpoint = NULL;
        return false;
    }
    return is_writable;
}

#else

bool trap_is_possible(void)
{
    return false;
}

uint64_t trap_each(void (*body)(void *), void (*look)(void *), void *argument)
{
    (void)look;
    body(argument);
    return 0;
}

uint32_t trap_learn(void (*body)(void *), void *argument)
{
    body(argument);
    return 0;
}

bool trap_at(void (*body)(void *), void (*look)(void *), void *argument, uint32_t nth)
{
    (void)look;
    (void)nth;
    body(argument);
    return false;
}

#endif
