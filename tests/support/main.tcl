# The master of a test run: finds the test files, runs each in a process of its own
# (tests/support/worker.tcl), K at a time, and prints what failed and the closing line.
#
# A worker reports on its standard output, one line an event:
#   @ok <tab> name <tab> ms      @skip <tab> name <tab> why      @fail <tab> name <tab> message <tab> log
#   @done <tab> how many lines of those there were; anything else is shown with --verbose, or when the file dies

set root [file dirname [file dirname [file dirname [file normalize [info script]]]]]
source [file join $root tests support options.tcl]

set usage {usage: ./runtest [options]
  --tls              clients and servers of the tests speak TLS
  --io-threads [N]   servers run N I/O threads (4 when left out)
  --backend B        io-backend of the servers: uring or epoll
  --single FILE      only this file (path, or a part of it such as tls/handshake); repeatable
  --only PATTERN     only tests whose name matches the glob or contains the text; repeatable
  --jobs K           files at a time (default: twice the number of cores, since tests wait a lot)
  --timeout S        seconds a file may take (default 120)
  --list             list files and tests, run nothing
  --verbose          print each test as it ends
environment: SLUICE_SERVER, SLUICE_CLI, SLUICE_BENCHMARK name other programs to test.}

proc all_files {} {
    global root
    set base [file join $root tests integration]
    set files {}
    foreach depth {*.tcl */*.tcl */*/*.tcl} {
        lappend files {*}[glob -nocomplain -directory $base -- $depth]
    }
    return [lsort $files]
}

proc short_name {file} {
    global root
    return [string range $file [string length "[file join $root tests integration]/"] end]
}

proc chosen_files {} {
    global opt
    set files [all_files]
    if {[llength $opt(single)] == 0} {
        return $files
    }
    set chosen {}
    foreach want $opt(single) {
        set bare [string trimright [regsub {\.tcl$} $want {}] /]
        regsub {^(\./)?tests/integration/} $bare {} bare
        set found 0
        foreach file $files {
            set name [file rootname [short_name $file]]
            if {$name eq $bare || [string first $bare $name] >= 0} {
                if {$file ni $chosen} { lappend chosen $file }
                set found 1
            }
        }
        if {!$found} {
            puts stderr "no test file matches '$want'"
            exit 2
        }
    }
    return $chosen
}

proc list_tests {} {
    foreach file [chosen_files] {
        puts [short_name $file]
        set f [open $file]
        foreach line [split [read $f] \n] {
            if {[regexp {^\s*test\s+"((?:[^"\\]|\\.)*)"|^\s*test\s+\{([^\}]*)\}} $line -> quoted braced]} {
                puts "    $quoted$braced"
            }
        }
        close $f
    }
}

# -- the long files first, as the run before has measured them, else as their size lets expect --

set durations_file [file join $root tests tmp durations]
set durations [dict create]

proc read_durations {} {
    global durations durations_file
    if {[file exists $durations_file]} {
        catch {set durations [dict create {*}[read_file $durations_file]]}
    }
}

proc write_durations {} {
    global durations durations_file
    file mkdir [file dirname $durations_file]
    write_file $durations_file.[pid] "$durations\n"
    file rename -force $durations_file.[pid] $durations_file
}

proc expected_ms {file} {
    global durations
    set name [short_name $file]
    if {[dict exists $durations $name]} { return [dict get $durations $name] }
    return [expr {[file size $file] / 3}]
}

proc longest_first {files} {
    set rows [lmap file $files { list [expected_ms $file] $file }]
    return [lmap row [lsort -integer -decreasing -index 0 $rows] { lindex $row 1 }]
}

# -- workers --

set running 0
set passed 0
set failed 0
set skipped 0
set failures {}
set skip_reasons {}

proc start_worker {file} {
    global root opt running worker
    set dir [file join $::env(RUN_DIR) [string map {/ -} [file rootname [short_name $file]]]]
    file mkdir $dir
    file delete {*}[glob -nocomplain [kept_log_name [short_name $file] *]]
    set command [list [info nameofexecutable] [file join $root tests support worker.tcl] \
        $file $dir {*}[worker_arguments]]
    set channel [open |[concat $command [list </dev/null 2>@1]] r]
    fconfigure $channel -blocking 0 -buffering line -encoding utf-8
    set worker($channel) [dict create file $file dir $dir start [clock milliseconds] done "" \
        seen 0 output {} timed_out 0 pid [lindex [pid $channel] 0]]
    dict set worker($channel) timer \
        [after [expr {int($opt(timeout) * 1000)}] [list worker_timed_out $channel]]
    fileevent $channel readable [list worker_readable $channel]
    incr running
}

proc worker_timed_out {channel} {
    global worker
    dict set worker($channel) timed_out 1
    kill_process [dict get $worker($channel) pid] KILL
    kill_listed [dict get $worker($channel) dir]
}

proc worker_readable {channel} {
    global worker
    while {[gets $channel line] >= 0} {
        worker_line $channel $line
    }
    if {[eof $channel]} {
        worker_ended $channel
    }
}

proc note_failure {file name message log} {
    global failed failures
    incr failed
    lappend failures [list [short_name $file] $name $message $log]
    puts "\[fail\] [short_name $file]: $name\n       [string map {\n "\n       "} $message]"
    if {$log ne ""} { puts "       log: $log" }
    flush stdout
}

proc worker_line {channel line} {
    global worker passed skipped skip_reasons opt
    set file [dict get $worker($channel) file]
    set fields [split $line \t]
    if {[lindex $fields 0] in {@ok @skip @fail}} { dict incr worker($channel) seen }
    switch -- [lindex $fields 0] {
        "" {}
        @ok {
            incr passed
            if {$opt(verbose)} {
                puts "\[ok\] [short_name $file]: [lindex $fields 1] ([lindex $fields 2] ms)"
                flush stdout
            }
        }
        @skip {
            incr skipped
            dict lappend skip_reasons [lindex $fields 2] [lindex $fields 1]
            if {$opt(verbose)} {
                puts "\[skip\] [short_name $file]: [lindex $fields 1] ([lindex $fields 2])"
            }
        }
        @fail {
            lassign [lrange $fields 1 end] name message log
            note_failure $file $name [string map {\\n \n \\t \t} $message] $log
        }
        @done { dict set worker($channel) done [lindex $fields 1] }
        default {
            dict append worker($channel) output $line\n
            if {$opt(verbose)} { puts "    $line" }
        }
    }
}

proc worker_ended {channel} {
    global worker running opt durations
    set w $worker($channel)
    after cancel [dict get $w timer]
    fconfigure $channel -blocking 1
    set status ""
    catch {close $channel} status
    set file [dict get $w file]
    if {[dict get $w timed_out]} {
        note_failure $file "(the file)" "took longer than $opt(timeout) s: stopped" \
            [keep_logs [dict get $w dir] $file]
    } elseif {[dict get $w done] ne "" && [dict get $w done] != [dict get $w seen]} {
        note_failure $file "(the file)" "told of [dict get $w done] results, of which [dict get $w seen] arrived" ""
    } elseif {[dict get $w done] eq ""} {
        note_failure $file "(the file)" "died: $status\n[string range [dict get $w output] end-3000 end]" \
            [keep_logs [dict get $w dir] $file]
    }
    kill_listed [dict get $w dir]
    file delete -force [dict get $w dir]
    set ms [expr {[clock milliseconds] - [dict get $w start]}]
    if {[llength $opt(only)] == 0} { dict set durations [short_name $file] $ms }
    if {$opt(verbose)} {
        puts "--- [short_name $file] ($ms ms)"
        flush stdout
    }
    unset worker($channel)
    incr running -1
    next_worker
}

proc next_worker {} {
    global running queue opt
    while {$running < $opt(jobs) && [llength $queue] > 0} {
        set queue [lassign $queue file]
        start_worker $file
    }
    if {$running == 0} {
        set ::finished 1
    }
}

# Logs of servers that a dead worker left behind are kept for the reader.
proc keep_logs {dir file} {
    set kept ""
    foreach log [glob -nocomplain -directory $dir -- server.*/stdout] {
        set target [kept_log_name [short_name $file] [file tail [file dirname $log]]]
        catch {file copy -force $log $target; set kept $target}
    }
    return $kept
}

proc report {} {
    global failures passed failed skipped skip_reasons
    if {[dict size $skip_reasons] > 0} {
        puts ""
        dict for {why names} $skip_reasons {
            puts "skipped [llength $names]: $why"
        }
    }
    if {[llength $failures] > 0} {
        puts "\nfailing tests:"
        foreach failure $failures {
            lassign $failure file name message log
            puts "  $file: $name[expr {$log ne "" ? "  (log: $log)" : ""}]"
        }
    }
    puts ""
    if {$skipped > 0} {
        puts "$passed passed, $failed failed, $skipped skipped"
    } else {
        puts "$passed passed, $failed failed"
    }
}

if {[lsearch -exact $argv --help] >= 0} {
    puts $usage
    exit 0
}
parse_options $argv
if {$opt(list)} {
    list_tests
    exit 0
}
check_programs
prepare_certificates
read_durations
set queue [longest_first [chosen_files]]
next_worker
if {$running > 0} { vwait finished }
write_durations
report
if {[llength $opt(only)] > 0 && $passed + $failed + $skipped == 0} {
    puts stderr "no test matches --only"
    exit 2
}
exit [expr {$failed > 0 ? 1 : 0}]
