#!/bin/sh
# Collects what `aoftool advise` reads from a running Valkey or Redis server, read-only. Passwords, arguments of
# commands, addresses and the host name are masked. Needs valkey-cli or redis-cli; nothing is installed or changed.
#
#   sh capture.sh [-o FILE.tgz] [-t SECONDS] [options of the client: -h HOST -p PORT -s SOCKET --user NAME]
#
# The password is taken from REDISCLI_AUTH (VALKEYCLI_AUTH), not from the command line, where others can see it.
set -u
umask 077
LC_ALL=C
export LC_ALL
seconds=10
out="$PWD/aoftool-capture-$(date -u +%Y%m%dT%H%M%SZ).tgz"
while [ $# -gt 1 ]; do
  case "$1" in
    -o) out=$2; shift 2 ;;
    -t) seconds=$2; shift 2 ;;
    *) break ;;
  esac
done
case "$out" in /*) ;; *) out="$PWD/$out" ;; esac
if [ -e "$out" ]; then echo "capture: $out is there already" >&2; exit 4; fi
cli=$(command -v valkey-cli || command -v redis-cli) || { echo "capture: no valkey-cli, no redis-cli" >&2; exit 3; }
# Either client takes the password of the other.
REDISCLI_AUTH=${REDISCLI_AUTH:-${VALKEYCLI_AUTH:-}}
[ -n "$REDISCLI_AUTH" ] && { VALKEYCLI_AUTH=$REDISCLI_AUTH; export REDISCLI_AUTH VALKEYCLI_AUTH; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/aoftool-capture.XXXXXX") || exit 3
watching=
# shellcheck disable=SC2086 # a list of process numbers
trap 'kill $watching 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
cd "$dir" || exit 3
mkdir raw
host=$(uname -n)

ask() { "$cli" "$@" 2>>raw/errors; }
field() { sed -n "s/^$1:\(.*\)$/\1/p" raw/info-before.txt | tr -d '\r' | sed -n 1p; }
setting() { awk -v want="$1" 'NR % 2 { name = $0; next } name == want { print; exit }' raw/config.txt; }
# Server errors come as text: such a file is no answer.
real() { if [ -s "raw/$1" ] && ! sed -n 1p "raw/$1" | grep -Eq '^\(?(error\) )?(ERR|NOPERM|NOAUTH|WRONGPASS|LOADING|DENIED|Could not connect)'; then :; else
  echo "$1: $(sed -n 1p "raw/$1" 2>/dev/null)" >>raw/missing; rm -f "raw/$1"; fi; }

ask "$@" INFO everything >raw/info-before.txt
real info-before.txt
if [ ! -s raw/info-before.txt ]; then
  echo "capture: the server does not answer: $(cat raw/missing raw/errors 2>/dev/null | tr '\n' ' ')" >&2; exit 3
fi
if [ "$(field loading)" = 1 ]; then echo "capture: the server loads its data, try again" >&2; exit 4; fi

pid=$(field process_id)
here=
case "$pid" in
  ''|*[!0-9]*) ;;
  *) # By its name, or the files in its memory: one that a loader or a wrapper started has the name of that.
     if cat "/proc/$pid/comm" "/proc/$pid/maps" 2>/dev/null | grep -Eq '(^|/)(redis|valkey|keydb)[^/]*$'; then
       # The same start, or it is another machine's number.
       start=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | awk '{ print $20 }')
       up=$(awk '{ print $1 }' /proc/uptime)
       here=$(awk -v s="${start:-0}" -v u="$up" -v t="$(getconf CLK_TCK)" -v w="$(field uptime_in_seconds)" \
         'BEGIN { d = u - s / t - w; if (d > -5 && d < 5) print "yes" }')
     fi ;;
esac
if [ -n "$here" ]; then
  mkdir raw/proc raw/sys
  cat "/proc/$pid/io" >raw/proc/io-before 2>/dev/null
  if command -v vmstat >/dev/null; then vmstat 1 "$seconds" >raw/vmstat.txt 2>/dev/null & watching="$watching $!"; fi
  if command -v iostat >/dev/null; then iostat -xk 1 "$seconds" >raw/iostat.txt 2>/dev/null & watching="$watching $!"; fi
fi
# A shell hears of a signal while it waits, and not before a program in front of it ends.
sleep "$seconds" &
watching="$watching $!"
wait
watching=

ask "$@" CONFIG GET '*' >raw/config.txt; real config.txt
for name in watchdog-period aof-disable-auto-gc key-load-delay rdb-key-save-delay; do
  ask "$@" CONFIG GET "$name"
done >raw/config-hidden.txt
real config-hidden.txt
ask "$@" --no-raw LATENCY LATEST >raw/latency-latest.txt; real latency-latest.txt
if [ -s raw/latency-latest.txt ]; then
  mkdir raw/latency-history
  for event in $(sed -n 's/^ *[0-9]*) 1) "\([a-z][a-z0-9-]*\)"$/\1/p' raw/latency-latest.txt); do
    ask "$@" --no-raw LATENCY HISTORY "$event" >"raw/latency-history/$event.txt"; real "latency-history/$event.txt"
  done
fi
ask "$@" LATENCY DOCTOR >raw/latency-doctor.txt; real latency-doctor.txt
ask "$@" --no-raw SLOWLOG GET 128 >raw/slowlog.txt; real slowlog.txt
for kind in slow large-request large-reply; do
  ask "$@" --no-raw COMMANDLOG GET 128 "$kind" >"raw/commandlog-$kind.txt"; real "commandlog-$kind.txt"
done
ask "$@" --no-raw MEMORY STATS >raw/memory-stats.txt; real memory-stats.txt
ask "$@" MEMORY DOCTOR >raw/memory-doctor.txt; real memory-doctor.txt
ask "$@" INFO everything >raw/info.txt; real info.txt
ask "$@" INFO debug >raw/info-debug.txt
grep -q : raw/info-debug.txt || rm -f raw/info-debug.txt

if [ -n "$here" ]; then
  for name in status smaps_rollup smaps mountinfo limits io; do cat "/proc/$pid/$name" >"raw/proc/$name" 2>/dev/null; done
  for name in overcommit_memory swappiness dirty_ratio dirty_bytes dirty_background_ratio dirty_background_bytes \
    dirty_expire_centisecs; do cat "/proc/sys/vm/$name" >"raw/sys/$name" 2>/dev/null; done
  cat /sys/kernel/mm/transparent_hugepage/enabled >raw/sys/transparent_hugepage_enabled 2>/dev/null
  cat /proc/meminfo >raw/sys/meminfo 2>/dev/null
  data=$(setting dir)
  case "$data" in /*) df -Pk -- "$data" >raw/sys/df.txt 2>/dev/null
    for file in "$data"/* "$data"/appendonlydir/*; do [ -f "$file" ] && [ ! -L "$file" ] &&
      printf '%12d %s\n' "$(wc -c <"$file")" "$file"; done >raw/sys/files.txt 2>/dev/null ;;
  esac
  # Only what the user of the server may read: whoever runs this may be root.
  may() { [ -f "$1" ] && { [ "$(id -u)" != 0 ] || [ "$(awk '/^Uid:/ { print $3 }' "/proc/$pid/status")" = 0 ] ||
    find "$1" -prune \( -perm -004 -o -user "$(awk '/^Uid:/ { print $3 }' "/proc/$pid/status")" \) | grep -q .; }; }
  log=$(setting logfile)
  case "$log" in ''|/*) ;; *) log="$data/$log" ;; esac
  [ -n "$log" ] && may "$log" && tail -c 1048576 "$log" >raw/server.log 2>/dev/null
  conf=$(field config_file)
  name=redis.conf; grep -q '^valkey_version:' raw/info.txt && name=valkey.conf
  case "$conf" in /*) may "$conf" && head -c 1048576 "$conf" >"raw/$name" 2>/dev/null ;; esac
fi

# -- masking: first the passwords that settings and files give away, which are then looked for everywhere --------
secret='(pass|auth|secret|credential|token)'
harmless='^(protected-mode|acl-pubsub-default|tls-auth-clients|tls-auth-clients-user|aclfile)$'
also='^(masteruser|primaryuser|user|rename-command)$'
: >raw/secrets
[ -s raw/config.txt ] && awk -v s="$secret" -v h="$harmless" -v a="$also" \
  'NR % 2 { name = tolower($0); next } (name ~ s || name ~ a) && name !~ h && length($0) > 3' raw/config.txt >>raw/secrets
for file in raw/*.conf; do [ -f "$file" ] && awk -v s="$secret" -v h="$harmless" -v a="$also" \
  '{ sub(/\r$/, ""); n = tolower($1); sub(/^#/, "", n); if ((n ~ s || n ~ a) && n !~ h) for (i = 2; i <= NF; i++) {
     w = $i; gsub(/["'"'"'>]/, "", w); if (length(w) > 3) print w } }' "$file" >>raw/secrets; done
[ -n "$REDISCLI_AUTH" ] && printf '%s\n' "$REDISCLI_AUTH" >>raw/secrets

mask() {  # FILE: passwords, host name, addresses, clients, arguments in crash reports
  awk -v host="$host" -v list=raw/secrets '
    BEGIN { while ((getline line < list) > 0) if (length(line) > 3) secrets[++n] = line
            if (length(host) > 3 && host != "localhost") secrets[++n] = host }
    function hide(text, what,    at, done) {
      done = ""
      while ((at = index(text, what)) > 0) { done = done substr(text, 1, at - 1) "***"; text = substr(text, at + length(what)) }
      return done text }
    { for (i = 1; i <= n; i++) $0 = hide($0, secrets[i]); print }' "$1" |
  sed -E -e 's/^(master_host|primary_host|slave[0-9]+|replica[0-9]+|[a-z_]*_hostname):.*/\1:***/' \
    -e 's/(argv\[[0-9]+\]:? *).*/\1***/' \
    -e 's/(^|[^a-z_-])(name|user|lib-name|cmd|laddr|addr)=[^ ]+/\1\2=***/g' \
    -e 's/(^|[^0-9.])127\.0\.0\.1([^0-9.]|$)/\1LOOPBACK\2/g' -e 's/(^|[^0-9.])0\.0\.0\.0([^0-9.]|$)/\1ANYWHERE\2/g' \
    -e '/[Vv]ersion|gcc/!s/(^|[^0-9.])([0-9]{1,3}\.){3}[0-9]{1,3}/\1***/g' \
    -e 's/([0-9a-fA-F]{1,4}:){5,7}[0-9a-fA-F]{1,4}/***/g' -e 's/([0-9a-fA-F]{1,4}:){1,6}:[0-9a-fA-F:]{1,30}/***/g' \
    -e 's/LOOPBACK/127.0.0.1/g' -e 's/ANYWHERE/0.0.0.0/g'
}
pairs() {  # FILE: names and values in turn
  awk -v s="$secret" -v h="$harmless" -v a="$also" '
    NR % 2 { name = tolower($0); print; next }
    $0 != "" && (name ~ s || name ~ a) && name !~ h { print "***"; next }
    $0 != "" && name ~ /^(bind|bind-source-addr|replicaof|slaveof)$|-announce-(ip|hostname)$|announced-/ { print "***"; next }
    { print }' "$1"
}
directives() {  # FILE: a configuration file
  awk -v s="$secret" -v h="$harmless" -v a="$also" '
    { n = tolower($1); c = sub(/^#/, "", n); if (c && n == "") n = tolower($2) }
    NF > 1 && (n ~ s || n ~ a) && n !~ h { print (c ? "# " : "") n " ***"; next }
    !c && NF > 1 && n ~ /^(bind|bind-source-addr|replicaof|slaveof)$|-announce-(ip|hostname)$|announced-/ { print n " ***"; next }
    { print }' "$1"
}
arguments() {  # FILE: SLOWLOG and COMMANDLOG; the name of each command stays
  sed -E '/^ +4\) 1\) "/!s/"(.*)"$/"***"/' "$1"
}
mkdir done
(cd raw && find . -type d) | while read -r folder; do mkdir -p "done/$folder"; done
(cd raw && find . -type f) | while read -r file; do
  case "$file" in
    ./secrets|./errors) continue ;;
    ./config.txt|./config-hidden.txt) pairs "raw/$file" >raw/step ;;
    ./*.conf) directives "raw/$file" >raw/step ;;
    ./slowlog.txt|./commandlog-*) arguments "raw/$file" >raw/step ;;
    ./step) continue ;;
    *) cp "raw/$file" raw/step ;;
  esac
  mask raw/step >"done/$file"
done
printf '{"schema": "aoftool.bundle/1", "tool": "script", "seconds": %s}\n' "$seconds" >done/manifest.json
(cd done && tar cf - .) | gzip -c >"$out" || { rm -f "$out"; echo "capture: $out cannot be written" >&2; exit 3; }
echo "$out"
