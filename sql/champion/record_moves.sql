-- Record the moves of the champion that are not recorded yet.
-- @numbers         ARRAY<INT64>      number of each move, from 1
-- @decided_at      ARRAY<TIMESTAMP>  time of the decision
-- @kinds           ARRAY<STRING>     promoted or rolled_back
-- @from_versions   ARRAY<STRING>     champion before the move; empty for the first
-- @to_versions     ARRAY<STRING>     champion after the move
-- @run_ids         ARRAY<STRING>     run that trained the new champion
-- @decided_by      ARRAY<STRING>     function, command or person that decided
-- @reasons         ARRAY<STRING>     reason of the decision
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
