#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs this build under a temporary root and uses it as strangers would: with pkg-config, with the CMake
# package, and with each public header alone in C and in C++.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
SLIPRING_SHM_DIR=$(mktemp -d /dev/shm/slipring-consume.XXXXXX)
export SLIPRING_SHM_DIR
trap 'rm -rf "$work" "$SLIPRING_SHM_DIR"' EXIT
trap 'exit 1' INT TERM
prefix=$work/prefix
log=$work/log
fail() {
    echo "consume: $*" >&2
    exit 1
}

cmake --install "$SLIPRING_BUILD_DIR" --prefix "$prefix" >"$log" || fail "the install failed"
pc=$(find "$prefix" -name slipring.pc)
[ -n "$pc" ] || fail "no slipring.pc was installed"
PKG_CONFIG_PATH=$(dirname "$pc")
lib_dir=$(dirname "$PKG_CONFIG_PATH")
export PKG_CONFIG_PATH
for program in slipring slipringd slipring-bench; do
    [ -x "$prefix/bin/$program" ] || fail "bin/$program was not installed"
done
for file in man/man1/slipring.1 man/man3/slipring_end.3 man/man7/slipring.7 man/man8/slipringd.8 \
    bash-completion/completions/slipring zsh/site-functions/_slipring fish/vendor_completions.d/slipringd.fish; do
    [ -s "$prefix/share/$file" ] || fail "share/$file was not installed"
done
want=$(pkg-config --modversion slipring)

echo "-- a C application by pkg-config, shared"
# shellcheck disable=SC2046 # a list of words is meant
cc -Wall -Wextra -Werror "$here/app.c" $(pkg-config --cflags --libs slipring) \
    -o "$work/app" || fail "the application does not build against the shared library"
got=$(LD_LIBRARY_PATH=$lib_dir "$work/app") || fail "the application failed: $got"
[ "$got" = "$want" ] || fail "the application said '$got', slipring.pc says '$want'"
readelf -d "$work/app" | grep -q 'libslipring\.so\.0' || fail "the application is not linked to libslipring.so.0"

echo "-- the same, static"
# shellcheck disable=SC2046 # a list of words is meant
cc "$here/app.c" $(pkg-config --cflags slipring) "$lib_dir/libslipring.a" -pthread \
    -o "$work/app-static" || fail "the application does not build against the static library"
[ "$("$work/app-static")" = "$want" ] || fail "the static application failed"
"$prefix/bin/slipring" verify --store consume >"$log" || fail "slipring verify: $(cat "$log")"
grep -Eq '^produced +4 ' "$log" || fail "two applications recorded twice each: $(cat "$log")"

echo "-- the shared library exports the contract and nothing else"
foreign=$(nm -D --defined-only "$lib_dir/libslipring.so" | awk '$2 != "A" && $3 !~ /^slipring_/ { print $3 }')
[ -z "$foreign" ] || fail "exported beside the contract: $foreign"
# inline.h: its functions are static, its two variables are looked at below; usage_json.h: another library's
find "$prefix/include/slipring" -name '*.h' ! -name inline.h ! -name usage_json.h -exec cat {} + |
    cc -fpreprocessed -dD -E -P -x c - 2>/dev/null | grep -oE '\bslipring_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/declared"
nm -D --defined-only "$lib_dir/libslipring.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/exported"
lost=$(comm -13 "$work/declared" "$work/exported")
[ -z "$lost" ] || fail "exported, but in no public header: $lost"
{
    printf '#include <slipring/slipring.h>\nconst void *const all[] = {\n'
    sed 's/.*/    (const void *)&,/' "$work/declared"
    printf '};\nint main(void)\n{\n    return all[0] == 0;\n}\n'
} >"$work/all.c"
# shellcheck disable=SC2046 # a list of words is meant
cc "$work/all.c" $(pkg-config --cflags --libs slipring) -o "$work/all" ||
    fail "declared in a public header, but not exported"

echo "-- the quick way compiled into the program, in C and in C++, shared and static"
abi=$(sed -n 's/^#define SLIPRING_INLINE_ABI *//p' "$prefix/include/slipring/inline.h")
variables=$(nm -D --defined-only "$lib_dir/libslipring.so" | awk '$2 ~ /[BDRV]/ { sub(/@.*/, "", $3); print $3 }' | sort | tr '\n' ' ')
[ "$variables" = "slipring_inline_steps_$abi slipring_inline_thread_$abi " ] ||
    fail "exported variables: $variables, with an inline ABI of $abi"
cp "$here/inline.c" "$work/inline.cc"
programs=0
for compiler in "cc -std=c11" "clang -std=c11" "g++ -std=c++17" "clang++ -std=c++17"; do
    case $compiler in
    *++*) source=$work/inline.cc ;;
    *) source=$here/inline.c ;;
    esac
    # shellcheck disable=SC2046,SC2086 # lists of words are meant
    $compiler -O2 -Wall -Wextra -pedantic -Werror "$source" $(pkg-config --cflags --libs slipring) \
        -o "$work/inline" || fail "$compiler -O2: inline.h does not build, shared"
    got=$(LD_LIBRARY_PATH=$lib_dir "$work/inline") || fail "$compiler -O2: the program failed, shared"
    # shellcheck disable=SC2046,SC2086 # as above
    $compiler -O2 -Wall -Wextra -pedantic -Werror "$source" $(pkg-config --cflags slipring) \
        "$lib_dir/libslipring.a" -pthread -o "$work/inline-static" ||
        fail "$compiler -O2: inline.h does not build, static"
    [ "$("$work/inline-static")" = "$got" ] || fail "$compiler -O2: the program failed, static"
    [ "$got" = "inline ABI $abi" ] || fail "the program said '$got', the header says $abi"
    programs=$((programs + 2))
done
"$prefix/bin/slipring" verify --store consume >"$log" || fail "slipring verify: $(cat "$log")"
[ "$(awk '$1 == "produced" { gsub(",", "", $2); print $2 }' "$log")" = $((4 + 1000 * programs)) ] ||
    fail "$programs programs recorded 1000 times each: $(cat "$log")"

echo "-- a program that was compiled for another layout does not start"
mkdir -p "$work/other/slipring"
sed "s/slipring_inline_\\([a-z]*\\)_$abi\$/slipring_inline_\\1_999/" "$prefix/include/slipring/inline.h" \
    >"$work/other/slipring/inline.h"
printf '__thread char *slipring_inline_thread_999[2];\nconst unsigned long slipring_inline_steps_999[64] = {1};\n' |
    cc -shared -fPIC -x c - -o "$work/libother.so" # as that version would have them
# shellcheck disable=SC2046 # a list of words is meant
cc -O2 -I"$work/other" "$here/inline.c" $(pkg-config --cflags --libs slipring) -L"$work" -lother \
    -o "$work/inline-other" || fail "the program for another layout does not build"
cc -shared -x c /dev/null -o "$work/libother.so" # and here is only this one
if LD_LIBRARY_PATH=$lib_dir:$work "$work/inline-other" >"$log" 2>&1; then
    fail "a program for another layout ran: $(cat "$log")"
fi
grep -Eq 'undefined symbol: slipring_inline_(thread|steps)_999' "$log" ||
    fail "the loader does not name the symbol: $(cat "$log")"

echo "-- the library of usage objects: alone, beside the other one, shared and static, in C and in C++"
cp "$here/usage.c" "$work/usage.cc"
for compiler in "cc -std=c11 $here/usage.c" "g++ -std=c++17 $work/usage.cc"; do
    # shellcheck disable=SC2046,SC2086 # lists of words are meant
    $compiler -Wall -Wextra -pedantic -Werror $(pkg-config --cflags --libs slipring-usage) -o "$work/usage" ||
        fail "$compiler does not build against the shared library"
    # shellcheck disable=SC2046,SC2086 # as above
    $compiler $(pkg-config --cflags slipring-usage) "$lib_dir/libslipring-usage.a" "$lib_dir/libslipring.a" -pthread \
        -o "$work/usage-static" || fail "$compiler does not build against the static library"
    for program in usage usage-static; do
        got=$(LD_LIBRARY_PATH=$lib_dir "$work/$program") || fail "$program failed: $got"
        [ "$got" = "openai/gpt-4o 3 4" ] || fail "$program said '$got'"
    done
done
exported=$(nm -D --defined-only "$lib_dir/libslipring-usage.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }')
[ "$exported" = slipring_usage_from_json ] || fail "libslipring-usage.so exports: $exported"
needed=$(readelf -d "$lib_dir/libslipring-usage.so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -v '^libc\.' || true)
[ -z "$needed" ] || fail "libslipring-usage.so needs $needed"

echo "-- a CMake consumer"
cp "$here/app.c" "$here/usage.c" "$work/"
cat >"$work/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(slipring 0.1 REQUIRED)
add_executable(shared app.c)
target_link_libraries(shared PRIVATE slipring::slipring)
add_executable(static app.c)
target_link_libraries(static PRIVATE slipring::slipring-static)
add_executable(usage-shared usage.c)
target_link_libraries(usage-shared PRIVATE slipring::slipring-usage)
add_executable(usage-static usage.c)
target_link_libraries(usage-static PRIVATE slipring::slipring-usage-static)
C
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$log" 2>&1 &&
    cmake --build "$work/build" >>"$log" 2>&1 || {
    cat "$log"
    fail "the CMake consumer does not build"
}
for kind in shared static; do
    [ "$("$work/build/$kind")" = "$want" ] || fail "the CMake consumer ($kind) failed"
    [ "$("$work/build/usage-$kind")" = "openai/gpt-4o 3 4" ] || fail "the CMake consumer (usage-$kind) failed"
done

echo "-- each public header alone, in C and in C++"
count=0
for header in "$prefix"/include/slipring/*.h; do
    name=slipring/$(basename "$header")
    printf '#include <%s>\n#include <%s>\nint main() { return 0; }\n' "$name" "$name" >"$work/one.cc"
    g++ -Wall -Wextra -pedantic -std=c++17 -Werror -fsyntax-only -I"$prefix/include" "$work/one.cc" ||
        fail "<$name> does not compile as C++"
    clang++ -Wall -Wextra -pedantic -std=c++17 -Werror -fsyntax-only -I"$prefix/include" "$work/one.cc" ||
        fail "<$name> does not compile as C++ with clang"
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" >"$work/one.c"
    cc -Wall -Wextra -pedantic -std=c11 -Werror -fsyntax-only -I"$prefix/include" "$work/one.c" ||
        fail "<$name> does not compile as strict C11"
    count=$((count + 1))
done
[ "$count" -ge 3 ] || fail "only $count public headers were installed"
echo "$count headers, $(wc -l <"$work/exported") exported functions"
