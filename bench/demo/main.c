/* SPDX-License-Identifier: Apache-2.0 */
/* slipring-demo: real work, recorded. Constructs the parts and runs them; see the headers beside it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "files.h"
#include "options.h"
#include "report.h"
#include "steps.h"

enum { EXIT_OK = 0, EXIT_DIFFERS = 1, EXIT_BAD = 2 };

/* -1: none is wanted. false: said on stderr. */
static bool open_manifest(const char *path, int *out_descriptor)
{
    *out_descriptor = -1;
    if (!path) {
        return true;
    }
    *out_descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (*out_descriptor < 0) {
        fprintf(stderr, "slipring-demo: cannot write %s: %s\n", path, strerror(errno));
    }
    return *out_descriptor >= 0;
}

static int run(const struct options *options, const struct files *files, struct steps *steps, int manifest)
{
    struct crew crew;
    struct report report = {.recorded = 0};
    report_begin(&report, steps);
    bool started = crew_start(&crew, options, files, steps, manifest);
    if (!crew.shared) {
        return EXIT_BAD;
    }
    crew_watch(&crew);
    if (!options->is_json) {
        report_work(&crew, options->directory);
    }
    bool agreed = !options->is_recording || report_compare(&report, steps, &crew, options->is_json);
    if (options->is_json) {
        report_json(&report, &crew, agreed);
    }
    if (!agreed || !started || crew.lost > 0) {
        return EXIT_DIFFERS;
    }
    return crew.signal != 0 ? 128 + crew.signal : EXIT_OK;
}

int main(int argc, char **argv)
{
    struct options options;
    struct files files = {.count = 0};
    struct steps steps = {.store = NULL};
    int manifest;
    int status = options_parse(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    status = EXIT_BAD;
    crew_hold_signals();
    if (files_list(options.directory, &files) && open_manifest(options.manifest, &manifest)) {
        if (!options.is_recording || steps_open(&steps, options.store)) {
            status = run(&options, &files, &steps, manifest);
        }
        if (manifest >= 0) {
            close(manifest);
        }
    }
    if (steps.store && slipring_close(steps.store) != SLIPRING_OK) {
        status = EXIT_DIFFERS;
    }
    files_free(&files);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "slipring-demo: cannot write the output: %s\n", strerror(errno));
        return EXIT_BAD;
    }
    return status;
}
