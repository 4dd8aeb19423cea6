/** The inspector's page: pipelines alone. */

import { byId } from './dom.js';
import { Feed } from './feed.js';
import { PipelinesView } from './pipelines.js';
import { tellState } from './state.js';
import { themeButton } from './theme.js';

themeButton(byId('theme'));
const pipelines = new PipelinesView(byId('pipelines'), byId('pipelines-sum'));
new Feed('events', '', tellState).on('pipelines', (snapshot) => pipelines.show(snapshot));
