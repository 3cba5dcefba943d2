/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages out of tables: see help.h. */
#include "help.h"

#include <string.h>

#include "arguments.h"

enum { INDENT = 4, HANG = 24, WIDTH = 80, LEAST_WIDTH = 50 };

static int page_width(const struct render_style *style)
{
    int width = style->columns > 0 && style->columns < WIDTH ? style->columns : WIDTH;
    return width > LEAST_WIDTH ? width : LEAST_WIDTH;
}

static void print_title(const struct render_style *style, FILE *stream, const char *title)
{
    fprintf(stream, "%s%s%s\n", render_bold(style), title, render_plain(style));
}

/* Words of `text` up to its end or line end, wrapped, `indent` blanks before each line but the first, which begins
 * at `column`. */
static void print_wrapped(const struct render_style *style, FILE *stream, const char *text, int indent,
                          int column)
{
    const char *end = text + strcspn(text, "\n");
    bool is_first = true;
    while (text < end) {
        size_t length = strcspn(text, " \n");
        struct render_text word;
        (void)snprintf(word.text, sizeof word.text, "%.*s", (int)length, text);
        int width = render_width(word.text);
        if (!is_first && column + 1 + width > page_width(style)) {
            fprintf(stream, "\n%*s", indent, "");
            column = indent;
        } else if (!is_first) {
            fputc(' ', stream);
            column++;
        }
        fputs(word.text, stream);
        column += width;
        is_first = false;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', stream);
}

static void print_paragraphs(const struct render_style *style, FILE *stream, const char *text)
{
    while (*text) {
        fprintf(stream, "%*s", INDENT, "");
        print_wrapped(style, stream, text, INDENT, INDENT);
        text += strcspn(text, "\n");
        if (*text == '\n' && *++text) {
            fputc('\n', stream);
        }
    }
}

/* "term" and what it means, hanging. */
static void print_term(const struct render_style *style, FILE *stream, const char *term, const char *meaning)
{
    int width = render_width(term);
    fprintf(stream, "%*s%s%s%s", INDENT, "", render_bold(style), term, render_plain(style));
    if (INDENT + width + 2 > HANG) {
        fprintf(stream, "\n%*s", HANG, "");
    } else {
        fprintf(stream, "%*s", HANG - INDENT - width, "");
    }
    print_wrapped(style, stream, meaning, HANG, HANG);
}

/* "term\tmeaning" a line. */
static void print_terms(const struct render_style *style, FILE *stream, const char *lines)
{
    while (*lines) {
        size_t length = strcspn(lines, "\t\n");
        struct render_text term;
        (void)snprintf(term.text, sizeof term.text, "%.*s", (int)length, lines);
        lines += length;
        lines += *lines == '\t';
        print_term(style, stream, term.text, lines);
        lines += strcspn(lines, "\n");
        lines += *lines == '\n';
    }
}

/* A command line to try on a line of its own, what it does below. */
static void print_examples(const struct render_style *style, FILE *stream, const char *lines)
{
    while (*lines) {
        size_t length = strcspn(lines, "\t\n");
        fprintf(stream, "%*s%s$ %.*s%s\n", INDENT, "", render_bold(style), (int)length, lines,
                render_plain(style));
        lines += length;
        if (*lines == '\t') {
            fprintf(stream, "%*s", 2 * INDENT, "");
            print_wrapped(style, stream, lines + 1, 2 * INDENT, 2 * INDENT);
        }
        lines += strcspn(lines, "\n");
        lines += *lines == '\n';
    }
}

static void print_option(const struct render_style *style, FILE *stream, enum option_id id)
{
    const struct option_spec *option = &option_specs[id];
    char term[64];
    char letter[8] = "    ";
    if (option->letter) {
        (void)snprintf(letter, sizeof letter, "-%c, ", option->letter);
    }
    (void)snprintf(term, sizeof term, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
                   option->value ? option->value : "");
    print_term(style, stream, term, option->help);
}

static const char environment_store[] = "SLIPRING_STORE\tthe store when --store is not given\n";
static const char environment_folder[] =
    "SLIPRING_SHM_DIR\tthe folder of all stores instead of /dev/shm; point it "
    "at a folder with copied segments to look "
    "at them after the fact\n";
static const char environment[] = "NO_COLOR\tno colours unless --color=always\n"
                                  "COLUMNS\tthe width of the output when it is no terminal\n";

void help_overview(const struct render_style *style, FILE *stream)
{
    print_title(style, stream, "NAME");
    print_paragraphs(style, stream, "slipring - look at, record into and check shared-memory metrics stores");
    print_title(style, stream, "\nSYNOPSIS");
    print_paragraphs(style, stream, "slipring COMMAND [OPTION]... [ARGUMENT]...");
    print_title(style, stream, "\nCOMMANDS");
    for (const struct command *const *command = command_list; *command; command++) {
        print_term(style, stream, (*command)->name, (*command)->summary);
    }
    print_term(style, stream, "help [COMMAND]", "this page, or a command's own; as COMMAND --help");
    print_title(style, stream, "\nDESCRIPTION");
    print_paragraphs(style, stream,
                     "A store is where programs on this host record how long things took, whether they "
                     "succeeded and what they cost; "
                     "the agent slipringd turns that into percentiles, error budgets and bills. Readers map "
                     "a store read-only "
                     "and work with the agent dead too; they then say from when the figures are.\n"
                     "ls, show, top, slo and report read what the agent published and cost the recording "
                     "programs nothing. rings, verify and show --by look "
                     "at lines that recording threads write, and so slow them down for a moment.\n");
    print_title(style, stream, "\nOPTIONS OF EVERY COMMAND BUT ls AND rm");
    print_option(style, stream, OPTION_store);
    print_title(style, stream, "\nOPTIONS OF EVERY COMMAND");
    print_option(style, stream, OPTION_color);
    print_option(style, stream, OPTION_help);
    print_option(style, stream, OPTION_version);
    print_title(style, stream, "\nEXIT STATUS");
    print_terms(
        style, stream,
        "0\tdone\n"
        "1\tthe answer is no: show has no figures of NAME, slo check finds the budget spent, verify found a "
        "disagreement, rm a store in use or with "
        "samples that wait to be booked, ingest bad lines\n"
        "2\tit could not be done: bad input, no such store, an error of the system; stderr says which\n"
        "exec\texits as its command did\n");
    print_title(style, stream, "\nENVIRONMENT");
    print_terms(style, stream, environment_store);
    print_terms(style, stream, environment_folder);
    print_terms(style, stream, environment);
    print_title(style, stream, "\nEXAMPLES");
    print_examples(
        style, stream,
        "slipring exec backup -- tar czf /tmp/etc.tar.gz /etc\trun a command and record how it went\n"
        "slipring show backup\tits percentiles, failures and cost\n"
        "slipring top\twatch all primitives live\n"
        "slipring slo\twhat is left of the error budgets, and what burns\n");
}

/* What of it the command looks at: those that print but their help have no colours and no width. */
static void print_environment(const struct command *command, const struct render_style *style, FILE *stream)
{
    if (command->is_bare) {
        return;
    }
    print_title(style, stream, "\nENVIRONMENT");
    if (!command->no_store) {
        print_terms(style, stream, environment_store);
    }
    print_terms(style, stream, environment_folder);
    print_terms(style, stream, environment);
}

void help_command(const struct command *command, const struct render_style *style, FILE *stream)
{
    struct render_text line;
    print_title(style, stream, "NAME");
    (void)snprintf(line.text, sizeof line.text, "slipring %s - %s", command->name, command->summary);
    print_paragraphs(style, stream, line.text);
    print_title(style, stream, "\nSYNOPSIS");
    (void)snprintf(line.text, sizeof line.text, "slipring %s %s", command->name, command->synopsis);
    print_paragraphs(style, stream, line.text);
    print_title(style, stream, "\nDESCRIPTION");
    print_paragraphs(style, stream, command->description);
    print_title(style, stream, "\nOPTIONS");
    for (int i = 0; i < command->option_count; i++) {
        print_option(style, stream, command->options[i]);
    }
    if (!command->no_store) {
        print_option(style, stream, OPTION_store);
    }
    print_option(style, stream, OPTION_color);
    print_option(style, stream, OPTION_help);
    print_option(style, stream, OPTION_version);
    print_title(style, stream, "\nEXIT STATUS");
    print_terms(style, stream, command->exits);
    print_environment(command, style, stream);
    print_title(style, stream, "\nEXAMPLES");
    print_examples(style, stream, command->examples);
}
