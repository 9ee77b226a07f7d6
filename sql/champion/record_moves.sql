-- Record the moves of the champion that are not recorded yet.
-- @numbers         ARRAY<INT64>      the moves' numbers
-- @decided_at      ARRAY<TIMESTAMP>  when each was decided
-- @kinds           ARRAY<STRING>     promoted or rolled_back
-- @from_versions   ARRAY<STRING>     the champion before each, empty before the first
-- @to_versions     ARRAY<STRING>     the champion since
-- @run_ids         ARRAY<STRING>     the run that trained the champion since
-- @decided_by      ARRAY<STRING>     the function, command or person that decided
-- @reasons         ARRAY<STRING>     why
merge into champion_history as target
using (
    select
        number,
        @decided_at[offset(position)] as decided_at,
        @kinds[offset(position)] as move,
        nullif(@from_versions[offset(position)], '') as from_version,
        @to_versions[offset(position)] as to_version,
        @run_ids[offset(position)] as run_id,
        @decided_by[offset(position)] as decided_by,
        @reasons[offset(position)] as reason
    from
        unnest(@numbers) as number
        with offset as position
) as moves
    on target.number = moves.number
when not matched then insert row
