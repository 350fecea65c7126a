# redis-cli from the outside: run to its end with given input, against a real server or one that
# answers with prepared bytes. Test files source it.

# Runs redis-cli with ARGS (words), INPUT on its standard input. Returns a dictionary: out, err, code.
# The event loop runs meanwhile, so a server within the test can answer.
proc cli_words {words {input ""} {seconds 30}} {
    global cli_done work_dir
    set stem [file join $work_dir cli]
    write_file $stem.in $input
    set channel [open |[list sh -c {stem=$1; shift; exec "$@" <"$stem.in" 2>"$stem.err"} sh $stem \
        timeout -k 2 $seconds [cli_program] {*}$words] r]
    fconfigure $channel -translation binary -blocking 0
    set ::cli_output ""
    fileevent $channel readable [list apply {{channel} {
        append ::cli_output [read $channel]
        if {[eof $channel]} {
            fileevent $channel readable {}
            set ::cli_done 1
        }
    }} $channel]
    vwait cli_done
    fconfigure $channel -blocking 1
    set code 0
    if {[catch {close $channel} message options]} {
        set status [dict get $options -errorcode]
        set code [expr {[lindex $status 0] eq "CHILDSTATUS" ? [lindex $status 2] : "?"}]
    }
    return [dict create out $::cli_output err [read_file $stem.err] code $code]
}

# The words that reach the innermost server.
proc cli_target {} {
    set words [list -h 127.0.0.1 -p [srv port]]
    if {[srv tls]} {
        lappend words --tls --cacert [certificate ca.crt] --cert [certificate client.crt] \
            --key [certificate client.key]
    }
    return $words
}

proc cli {args} { return [cli_words [concat [cli_target] $args]] }
proc cli_fed {input args} { return [cli_words [concat [cli_target] $args] $input] }

# Runs redis-cli until its output matches the regular expression PATTERN, and ends it. Returns the output.
proc cli_until {pattern args} {
    set channel [open |[list timeout -k 2 60 [cli_program] {*}[cli_target] {*}$args </dev/null 2>@1] r]
    fconfigure $channel -translation binary -blocking 0
    set output ""
    while {![regexp $pattern $output]} {
        append output [read $channel]
        if {[eof $channel]} { break }
        resp::pause_ms 10
    }
    exec kill {*}[pid $channel]
    catch {close $channel}
    if {![regexp $pattern $output]} { fail "redis-cli $args does not print '$pattern', but '[brief $output]'" }
    return $output
}

# Standard output of a run that must succeed.
proc cli_output {args} {
    set result [cli {*}$args]
    if {[dict get $result code] != 0} { fail "redis-cli $args: $result" }
    return [dict get $result out]
}

# Listens on a free port and answers each connection's n-th chunk of input with the n-th of REPLIES.
# Returns the port; what was received is in ::canned_input.
proc canned_server {replies} {
    set ::canned_input ""
    set server [socket -server [list apply {{replies channel host port} {
        fconfigure $channel -translation binary -blocking 0 -buffering none
        set ::canned_replies($channel) $replies
        fileevent $channel readable [list apply {{channel} {
            set input [read $channel]
            append ::canned_input $input
            if {[eof $channel]} {
                catch {close $channel}
                return
            }
            set rest [lassign $::canned_replies($channel) reply]
            set ::canned_replies($channel) $rest
            if {$reply eq "close"} {
                close $channel
            } else {
                puts -nonewline $channel $reply
            }
        }} $channel]
    }} $replies] -myaddr 127.0.0.1 0]
    lappend ::helpers $server
    return [lindex [fconfigure $server -sockname] 2]
}
