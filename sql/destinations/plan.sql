-- Plan a delivery run: replace its rows by the changes that bring the destination's members to the wanted state. The
-- present members are read from the table destination_members, never from the destination.
--
-- A customer is wanted if she is in the audience of the day and in the arm `treated`, and nothing excludes her from the
-- channel. A member who is no longer wanted is removed. This includes a member whose last addition or update failed or
-- was refused, because the destination may hold her nevertheless. An e-mail address, a phone number or a postal address
-- (with the name) is not removed while another wanted customer has the same one.
-- @created_on           DATE    day on which the run was opened
-- @run_id               STRING  id of the delivery run
-- @day                  DATE    day of the audience
-- @destination          STRING  name of the destination
-- @channel              STRING  channel whose exclusions apply: ads or email
-- @adds                 BOOL    whether customers are added
-- @removes              BOOL    whether customers who left the audience are removed
-- @takes_scores         BOOL    whether the destination stores scores, so that a new score is a change
-- @is_keyed_by_address  BOOL    whether the destination finds a customer by the addresses that were sent
-- @batch_size           INT64   maximum number of members in a request
merge into destination_changes as target
using (
    with
    wanted as (
        select
            audience.customer_id,
            form.email,
            form.phone,
            form.first_name,
            form.last_name,
            form.country,
            form.postal_code,
            if(@takes_scores, audience.probability, null) as probability,
            if(@takes_scores, audience.decile, null) as decile,
            if(@takes_scores, audience.offer, null) as offer,
            if(@takes_scores, audience.next_products, cast([] as array<string>)) as next_products,
            if(@takes_scores, audience.expected_value, null) as expected_value
        from audience_customers as audience
        inner join `${form}` as form on audience.customer_id = form.customer_id
        left join exclusions
            on
                audience.customer_id = exclusions.customer_id
                and exclusions.day = @day
                and exclusions.channel = @channel
        where audience.day = @day and audience.arm = 'treated' and exclusions.customer_id is null
    ),

    digested as (
        select
            *,
            -- Control characters separate the values and replace NULL. No value contains such a character.
            to_hex(
                sha256(
                    array_to_string(
                        [
                            email,
                            phone,
                            first_name,
                            last_name,
                            country,
                            postal_code,
                            cast(round(probability, 3) as string),
                            cast(decile as string),
                            offer,
                            array_to_string(next_products, '\x1e'),
                            cast(round(expected_value, 2) as string)
                        ],
                        '\x1f',
                        '\x1d'
                    )
                )
            ) as digest,
            -- The address is NULL if one of its four parts is unknown, because platforms match only complete addresses.
            concat(first_name, '\x1f', last_name, '\x1f', country, '\x1f', postal_code) as postal_address
        from wanted
    ),

    members as (
        select
            *,
            coalesce(is_there, state not in ('wanted', 'removed')) and state != 'leaving' as is_present,
            concat(first_name, '\x1f', last_name, '\x1f', country, '\x1f', postal_code) as postal_address
        from destination_members
        where destination = @destination
    ),

    put as (
        select
            if(coalesce(members.is_present, false), 'update', 'add') as kind,
            digested.* except (postal_address)
        from digested
        left join members on digested.customer_id = members.customer_id
        where
            (@adds or coalesce(members.is_present, false))
            and (
                coalesce(members.state, 'wanted') not in ('sent', 'confirmed', 'refused')
                or members.digest is distinct from digested.digest
            )
    ),

    allowed as (
        select customers.customer_id
        from customers
        left join exclusions
            on
                customers.customer_id = exclusions.customer_id
                and exclusions.day = @day
                and exclusions.channel = @channel
        where exclusions.customer_id is null
    ),

    held_back as (
        select customer_id
        from audience_customers
        where day = @day and arm != 'treated'
    ),

    taken as (
        select
            case
                when digested.customer_id is not null then 'outdated'
                when allowed.customer_id is null or held_back.customer_id is not null then 'withdraw'
                else 'remove'
            end as kind,
            members.customer_id,
            members.first_name,
            members.last_name,
            members.country,
            members.postal_code,
            if(members.email is distinct from digested.email, members.email, null) as email,
            if(members.phone is distinct from digested.phone, members.phone, null) as phone,
            if(
                @is_keyed_by_address and members.postal_address is distinct from digested.postal_address,
                members.postal_address,
                null
            ) as postal_address
        from members
        left join digested on members.customer_id = digested.customer_id
        left join allowed on members.customer_id = allowed.customer_id
        left join held_back on members.customer_id = held_back.customer_id
        where
            members.is_present
            and (
                digested.customer_id is null
                or @is_keyed_by_address
                and (
                    members.email is distinct from digested.email
                    or members.phone is distinct from digested.phone
                    or members.postal_address is distinct from digested.postal_address
                )
            )
    ),

    wanted_emails as (select distinct email from wanted),

    wanted_phones as (select distinct phone from wanted),

    wanted_addresses as (select distinct postal_address from digested),

    removed as (
        select
            taken.kind,
            taken.customer_id,
            if(wanted_emails.email is null, taken.email, null) as email,
            if(wanted_phones.phone is null, taken.phone, null) as phone,
            if(wanted_addresses.postal_address is null, taken.postal_address, null) as postal_address,
            taken.first_name,
            taken.last_name,
            taken.country,
            taken.postal_code
        from taken
        left join wanted_emails on taken.email = wanted_emails.email
        left join wanted_phones on taken.phone = wanted_phones.phone
        left join wanted_addresses on taken.postal_address = wanted_addresses.postal_address
        where taken.kind in ('outdated', 'withdraw') or @removes
    ),

    changes as (
        select * from put
        union all
        select
            kind,
            customer_id,
            email,
            phone,
            if(postal_address is null, null, first_name) as first_name,
            if(postal_address is null, null, last_name) as last_name,
            if(postal_address is null, null, country) as country,
            if(postal_address is null, null, postal_code) as postal_code,
            null as probability,
            null as decile,
            null as offer,
            cast([] as array<string>) as next_products,
            null as expected_value,
            null as digest
        from removed
        -- There is no row of the kind `outdated` for a member whose former addresses are all still wanted, or who had
        -- none.
        where kind != 'outdated' or coalesce(email, phone, postal_address) is not null
    )

    select
        @created_on as created_on,
        @destination as destination,
        @run_id as run_id,
        kind,
        div(row_number() over (partition by kind order by customer_id) - 1, @batch_size) + 1 as batch,
        customer_id,
        email,
        phone,
        first_name,
        last_name,
        country,
        postal_code,
        probability,
        decile,
        offer,
        next_products,
        expected_value,
        digest
    from changes
) as fresh
    on false
when not matched by source and target.created_on = @created_on and target.run_id = @run_id then delete
when not matched then insert row
