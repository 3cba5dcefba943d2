/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "usage: slipring-demo [OPTION]... [DIRECTORY]\n"
    "\n"
    "Really reads, compresses (zlib) and hashes (SHA-256) every file under DIRECTORY\n"
    "(default /usr/share/doc) in several processes, and records it in a Slipring\n"
    "store: the workflow archive_file, made of the steps read_file, compress and\n"
    "digest. Nothing is written. At the end it holds its own sums against what the\n"
    "agent publishes, and says so: recorded N, reported N.\n"
    "\n"
    "  -p, --processes N    worker processes, 1 to 64; default 4\n"
    "  -d, --dir DIRECTORY  the same as DIRECTORY\n"
    "  -s, --store NAME     the store; default $SLIPRING_STORE, else \"default\"\n"
    "      --passes N       go through the files N times, 1 to 1000; default 1\n"
    "      --manifest FILE  write \"sha256  path\" lines there, for sha256sum -c\n"
    "      --no-record      do the same work without recording, to compare\n"
    "      --json           print the result as one JSON object\n"
    "  -v, --verbose        say which files failed, and why\n"
    "  -h, --help           print this page\n"
    "\n"
    "Files that are unreadable or have vanished count as failures of read_file and\n"
    "archive_file; they are no failure of the demo. A byte compressed costs a nano-\n"
    "dollar, a byte saved saves one. An interrupt (Ctrl-C) ends it cleanly.\n"
    "\n"
    "Exit status: 0 all sums agree; 1 they differ, or a worker died; 2 bad input, or\n"
    "the store can't be opened; 130 or 143 interrupted, sums agree so far.\n";

enum { OPTION_PASSES = 256, OPTION_MANIFEST, OPTION_NO_RECORD, OPTION_JSON };

static const struct option long_options[] = {
    {"processes", required_argument, NULL, 'p'},
    {"dir", required_argument, NULL, 'd'},
    {"store", required_argument, NULL, 's'},
    {"passes", required_argument, NULL, OPTION_PASSES},
    {"manifest", required_argument, NULL, OPTION_MANIFEST},
    {"no-record", no_argument, NULL, OPTION_NO_RECORD},
    {"json", no_argument, NULL, OPTION_JSON},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* 1 to max in digits. false: said on stderr. */
static bool parse_number(const char *name, const char *text, uint32_t max, uint32_t *out_number)
{
    size_t length = strlen(text);
    unsigned long number = 0;
    if (length > 0 && length <= 9 && strspn(text, "0123456789") == length) {
        number = strtoul(text, NULL, 10);
    }
    if (number < 1 || number > max) {
        fprintf(stderr, "slipring-demo: %s: '%s' is no number from 1 to %u\n", name, text, max);
        return false;
    }
    *out_number = (uint32_t)number;
    return true;
}

static bool take(int letter, const char *value, struct options *options)
{
    switch (letter) {
    case 'p':
        return parse_number("--processes", value, OPTIONS_PROCESSES_MAX, &options->processes);
    case OPTION_PASSES:
        return parse_number("--passes", value, 1000, &options->passes);
    case 'd':
        options->directory = value;
        return true;
    case 's':
        options->store = value;
        return true;
    case OPTION_MANIFEST:
        options->manifest = value;
        return true;
    case OPTION_NO_RECORD:
        options->is_recording = false;
        return true;
    case OPTION_JSON:
        options->is_json = true;
        return true;
    case 'v':
        options->is_verbose = true;
        return true;
    default: /* getopt_long() has said what is wrong */
        return false;
    }
}

int options_parse(int argc, char **argv, struct options *out_options)
{
    static char name[] = "slipring-demo";
    struct options options = {.processes = 4, .passes = 1, .is_recording = true};
    int letter;
    argv[0] = name; /* getopt_long() begins its messages with it */
    while ((letter = getopt_long(argc, argv, "p:d:s:vh", long_options, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage_text, stdout);
            return 0;
        }
        if (!take(letter, optarg, &options)) {
            fputs("try: slipring-demo --help\n", stderr);
            return 2;
        }
    }
    if (argc - optind > (options.directory ? 0 : 1)) {
        fprintf(stderr, "slipring-demo: one directory at a time, but '%s' is another\n", argv[argc - 1]);
        return 2;
    }
    if (optind < argc) {
        options.directory = argv[optind];
    }
    if (!options.directory) {
        options.directory = "/usr/share/doc";
    }
    *out_options = options;
    return -1;
}
